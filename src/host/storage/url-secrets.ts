// Removes passwords and tokens from URLs before they appear in messages or files.

/**
 * Returns a URL that is safe to show: without its password and the values of its query (`?token=...`, the signature
 * of a signed URL). A string that is not an `http:` or `https:` URL is returned unchanged.
 */
export function withoutSecrets(url: string): string {
  if (!/^https?:/i.test(url)) return url
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    // What precedes an @ or follows a ? may be a secret even if the URL cannot be parsed.
    return url.replace(/\/\/.*@/, '//***@').replace(/[?#].*$/s, '?***')
  }
  if (parsed.username === '' && parsed.password === '' && parsed.search === '' && parsed.hash === '')
    return url
  const user = parsed.username === '' && parsed.password === '' ? '' : '***@'
  const query = parsed.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '')
    // A parameter without a name may be a secret as a whole.
    .map((part) => (part.includes('=') ? `${part.slice(0, part.indexOf('='))}=***` : '***'))
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

/** Returns a text, such as a host's error message, without the secrets of a URL that it may quote. */
export function quotedWithoutSecrets(text: string, url: string): string {
  const shown = withoutSecrets(url)
  if (shown === url) return text
  let safe = text.replaceAll(url, shown)
  for (const secret of secretsOf(url)) safe = safe.replaceAll(secret, '***')
  return safe
}

/**
 * Returns an error whose message and fields do not quote the secrets of a URL: the same error if the URL has none.
 */
export function causeWithoutSecrets(cause: unknown, url: string): unknown {
  if (withoutSecrets(url) === url || cause === undefined) return cause
  // Hosts also put the URL into fields of their errors, so a new error takes only the name and the message.
  const text = cause instanceof Error ? cause.message : String(cause)
  const safe = new Error(quotedWithoutSecrets(text, url))
  if (cause instanceof Error) safe.name = cause.name
  return safe
}

/** The parts of a URL that must not be quoted, both as written and decoded. */
function secretsOf(url: string): Set<string> {
  const secrets = new Set<string>()
  try {
    const { href, username, password, search, searchParams } = new URL(url)
    const parts = search.slice(1).split('&')
    const values = parts.map((part) => part.slice(part.indexOf('=') + 1))
    for (const one of [href, username, password, search.slice(1), ...values, ...searchParams.values()]) {
      secrets.add(one)
      secrets.add(decodeURIComponent(one))
    }
  } catch {
    // A URL that cannot be parsed or decoded has already been replaced as a whole.
  }
  // Replacing strings of one or two characters would make the message unreadable.
  return new Set([...secrets].filter((one) => one.length > 2))
}
