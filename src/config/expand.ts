import { quote } from '../image/quote.ts';

/** `main.ts` reads it; a name that is not set is absent. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

export type Expansion =
  | { readonly ok: true; readonly text: string }
  /** `at` is what cannot be expanded, as written. */
  | { readonly ok: false; readonly at: string; readonly message: string };

/**
 * What Kubernetes lets a container's variable be called. Whatever is set is expanded, as by the predecessor, whose chart
 * names variables after the keys of Secrets: `${identity-token}`.
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
 */
const namePattern = /^[-._A-Za-z][-._A-Za-z0-9]*$/;

/**
 * Puts environment variables in the place of `${NAME}`.
 *
 * What a variable holds is not expanded again, and a `$` without `{` is itself. There is no escape and no default:
 * a text that holds `${` goes into a variable of its own, or into a file. No message holds what a variable holds.
 */
export function expand(text: string, environment: EnvironmentVariables): Expansion {
  const parts: string[] = [];
  let position = 0;
  for (;;) {
    const start = text.indexOf('${', position);
    if (start < 0) return { ok: true, text: parts.join('') + text.slice(position) };
    const end = text.indexOf('}', start);
    const at = end < 0 ? text.slice(start) : text.slice(start, end + 1);
    const name = end < 0 ? '' : at.slice(2, -1);
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value === undefined && !namePattern.test(name)) {
      // Only what stands between the braces: behind an open one, a secret may follow.
      const shown = end < 0 ? 'an open "${"' : quote(at, 40);
      return {
        ok: false,
        at,
        message: `${shown} is no variable; one is \${NAME}, of letters, digits, "_", "-" and ".", without a default`,
      };
    }
    if (value === undefined) {
      return { ok: false, at, message: `the environment variable ${name} is not set` };
    }
    parts.push(text.slice(position, start), value);
    position = end + 1;
  }
}
