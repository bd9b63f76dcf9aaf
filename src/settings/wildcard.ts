/** Does the pattern match all of the text? `*` stands for any run of characters, `?` for one. */
export function matches(pattern: string, text: string): boolean {
  // In time proportional to the lengths' product, which a regular expression with many stars is not.
  let at = 0;
  let star = -1;
  let afterStar = 0;
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      afterStar = index;
    } else if (pattern[at] === '?' || pattern[at] === text[index]) {
      at++;
      index++;
    } else if (star >= 0) {
      // The last star takes one character more.
      at = star + 1;
      index = ++afterStar;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** Is there a text that both patterns match? */
export function overlap(a: string, b: string): boolean {
  // From the ends on: row[j] says it of what is left of `a` from i on and of `b` from j on.
  let row: boolean[] = [];
  for (let i = a.length; i >= 0; i--) {
    const below = row;
    row = [];
    for (let j = b.length; j >= 0; j--) {
      const [one, other] = [a[i], b[j]];
      if (one === undefined && other === undefined) row[j] = true;
      else if (one === '*') row[j] = (below[j] ?? false) || (row[j + 1] ?? false);
      else if (other === '*') row[j] = (row[j + 1] ?? false) || (below[j] ?? false);
      else row[j] = one !== undefined && (one === other || one === '?' || other === '?') && (below[j + 1] ?? false);
    }
  }
  return row[0] ?? false;
}

/** Does the second pattern match all that the first one does? Where it has `?`, only the same pattern is known to. */
export function isWithin(pattern: string, other: string): boolean {
  // Nothing but a star can match a character that no pattern has.
  return pattern === other || (!other.includes('?') && matches(other, pattern.replace(/[*?]/g, '\0')));
}
