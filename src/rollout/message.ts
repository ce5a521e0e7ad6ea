/** Design 2.6: messages are cut, names and images (which have fields of their own) are not. */
const maxMessageLength = 200;

/** Sentences as one message, the important one first; empty ones are left out. */
export function message(...sentences: readonly string[]): string {
  const text = sentences.filter((sentence) => sentence !== '').join('; ');
  return text.length > maxMessageLength ? `${text.slice(0, maxMessageLength - 1)}…` : text;
}
