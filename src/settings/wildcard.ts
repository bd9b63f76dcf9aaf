/** Whether the pattern matches the whole text. `*` stands for any run of characters, `?` for one. */
export function matches(pattern: string, text: string): boolean {
  // The time is proportional to the product of the lengths; a regular expression with many stars can take exponential
  // time.
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

/** Whether there is a text that both patterns match. */
export function overlap(a: string, b: string): boolean {
  // From the ends backwards: row[j] says whether `a` from i on and `b` from j on overlap.
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

/**
 * Whether the second pattern matches every text that the first one matches. With a `?` in it, only an equal pattern
 * counts.
 */
export function isWithin(pattern: string, other: string): boolean {
  // Only a star can match NUL, which no pattern contains.
  return pattern === other || (!other.includes('?') && matches(other, pattern.replace(/[*?]/g, '\0')));
}
