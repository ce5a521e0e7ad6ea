import type { ErrorCode } from 'yaml';

/** What YAML's parser complains of, in words. Its own messages quote the file, and a secret with it. */
export function syntaxMessage(code: ErrorCode): string {
  return messages.get(code) ?? 'this is no valid YAML';
}

const messages: ReadonlyMap<ErrorCode, string> = new Map([
  ['BAD_DIRECTIVE', 'a line that starts with "%" is a YAML directive, and this one is unknown'],
  [
    'BAD_DQ_ESCAPE',
    'a "\\" in double quotes starts an escape, and this one is unknown; use single quotes',
  ],
  ['BAD_INDENT', 'the indentation is wrong, or a bracket is not closed'],
  ['BAD_SCALAR_START', 'a value that starts with this character needs quotes'],
  ['BLOCK_AS_IMPLICIT_KEY', 'two keys stand in one line, or a value with ": " lacks its quotes'],
  ['BLOCK_IN_FLOW', 'a list or map by lines cannot stand within { } or [ ]'],
  ['DUPLICATE_KEY', 'this key is there twice'],
  ['KEY_OVER_1024_CHARS', 'a key is longer than 1024 characters'],
  ['MISSING_CHAR', 'a quote, bracket, comma or ":" is missing'],
  ['MULTILINE_IMPLICIT_KEY', 'a ":" is missing, or a key goes over several lines'],
  ['MULTIPLE_DOCS', 'a second document starts here ("---"); a config file is one'],
  ['RESOURCE_EXHAUSTION', 'the nesting is too deep'],
  ['TAB_AS_INDENT', 'a tab indents this line; YAML takes spaces only'],
  ['TAG_RESOLVE_FAILED', 'a tag ("!…") means nothing here'],
  ['UNEXPECTED_TOKEN', 'this does not fit here: check the indentation, brackets and quotes'],
]);
