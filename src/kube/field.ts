import * as z from 'zod';

/*
 * Fields as Go writes them: what has its zero value is left out, and sometimes null.
 */

export function optional<T extends z.ZodType>(
  schema: T,
): z.ZodPipe<z.ZodOptional<z.ZodNullable<T>>, z.ZodTransform<z.output<T> | undefined>> {
  return schema.nullish().transform((value): z.output<T> | undefined => value ?? undefined);
}

export const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

export const whole = z
  .int()
  .nullish()
  .transform((value) => value ?? 0);

export const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);

/** Labels and annotations. */
export const textMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value): Readonly<Record<string, string>> => value ?? {});

export function list<T extends z.ZodType>(
  schema: T,
): z.ZodPipe<z.ZodOptional<z.ZodNullable<z.ZodArray<T>>>, z.ZodTransform<readonly z.output<T>[]>> {
  return z
    .array(schema)
    .nullish()
    .transform((value): readonly z.output<T>[] => value ?? []);
}

/** Where a document is wrong, for people: `spec.template: expected object`. */
export function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'not understood';
  const path = issue.path.map(String).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
