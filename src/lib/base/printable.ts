/** Text as it may be shown: control, format and line-break characters escaped, so that no name drives the terminal. */
export function printable(text: string): string {
  // Most text is plain ASCII, and compiling the pattern below would take longer than all of it.
  if (!/[^ -~]/.test(text)) return text
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return `\\u{${code.toString(16)}}`
  })
}

/** As `printable`, of several lines: line breaks and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, printable)
}
