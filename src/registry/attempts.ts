import type { Attempt } from '../image/lookup.ts';
import type { Told } from './answer.ts';
import { RegistryError } from './error.ts';
import type { Identity } from './identity.ts';
import type { Refusal, Rests } from './proof.ts';

/** What came of one identity, in the order of the identities; those that were not needed have none. */
export type Step<T> = Told<T> | { readonly type: 'failed'; readonly status?: number };

/** What came of asking as one identity after the other. It names nobody, so that all who ask as the same ones can share it. */
export type Outcome<T> = { readonly steps: readonly Step<T>[] } & (
  | { readonly type: 'found'; readonly value: T; /** Index of the identity. */ readonly by: number }
  | { readonly type: 'missing' }
  | { readonly type: 'denied' }
  | { readonly type: 'failed'; readonly error: unknown }
);

/**
 * Asks as one identity after the other until one is answered, as the kubelet does (cases 45 and 46).
 *
 * A 404 that does not say that only the tag is missing may hide a repository from whoever may not see it,
 * so the other credentials are asked, too; nobody sees more than somebody, so anonymous is not.
 */
export async function tryInOrder<T>(
  identities: readonly Identity[],
  ask: (identity: Identity) => Promise<Told<T>>,
): Promise<Outcome<T>> {
  const steps: Step<T>[] = [];
  const known = new Map<string, Told<T>>();
  let isMissing = false;
  for (const [by, identity] of identities.entries()) {
    if (isMissing && identity.credential === undefined) break;
    try {
      // Two Secrets may hold one password; it is not tried twice.
      const told = known.get(identity.key) ?? (await ask(identity));
      known.set(identity.key, told);
      steps.push(told);
      if (told.type === 'found') return { type: 'found', value: told.value, by, steps };
      if (told.type === 'missing') {
        isMissing = true;
        if (told.isCertain) break;
      }
    } catch (error) {
      const status = error instanceof RegistryError ? error.status : undefined;
      steps.push({ type: 'failed', ...(status !== undefined && { status }) });
      return { type: 'failed', error, steps };
    }
  }
  return { type: isMissing ? 'missing' : 'denied', steps };
}

/** The steps with the names of those who asked. */
export function attemptsOf(
  identities: readonly Identity[],
  { steps }: Outcome<unknown>,
): readonly Attempt[] {
  return steps.map((step, index) => ({
    source: identities[index]?.source ?? '',
    ...outcomeOf(step),
  }));
}

function outcomeOf(step: Step<unknown>): Pick<Attempt, 'outcome' | 'status'> {
  switch (step.type) {
    case 'found':
      return { outcome: 'accepted', status: 200 };
    case 'missing':
      return { outcome: 'accepted', status: 404 };
    case 'resting':
      return { outcome: 'resting' };
    case 'refused':
    case 'failed':
      return {
        outcome: step.type,
        ...(step.status !== undefined && { status: step.status }),
      };
  }
}

/** An identity that was told no. */
export interface Denied {
  readonly identity: Identity;
  readonly told: Refusal | Rests;
}

export function deniedOf(
  identities: readonly Identity[],
  { steps }: Outcome<unknown>,
): readonly Denied[] {
  return identities.flatMap((identity, index) => {
    const told = steps[index];
    return told?.type === 'refused' || told?.type === 'resting' ? [{ identity, told }] : [];
  });
}

/** The kubelet does not fall back to what is in no pull Secret: it would have failed (case 45). */
export function isPullSecretRefused(
  identities: readonly Identity[],
  { by }: Extract<Outcome<unknown>, { type: 'found' }>,
): boolean {
  return (
    identities[by]?.fromPullSecret !== true &&
    identities.some(({ fromPullSecret }) => fromPullSecret)
  );
}
