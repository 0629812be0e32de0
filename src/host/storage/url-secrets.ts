/**
 * A URL as messages and files may have it: a password and the values of a query (`?token=...`, the signature of a signed
 * URL) are left out. What is no `http:` or `https:` URL stays as it is.
 */
export function withoutSecrets(url: string): string {
  if (!/^https?:/i.test(url)) return url
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    // What lies before an @ or behind a ? may be a secret, also where the rest cannot be understood.
    return url.replace(/\/\/.*@/, '//***@').replace(/[?#].*$/s, '?***')
  }
  if (parsed.username === '' && parsed.password === '' && parsed.search === '' && parsed.hash === '')
    return url
  const user = parsed.username === '' && parsed.password === '' ? '' : '***@'
  const query = parsed.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '')
    // A part without a name may be a secret as a whole.
    .map((part) => (part.includes('=') ? `${part.slice(0, part.indexOf('='))}=***` : '***'))
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

/** A text, such as the message of a host's own error, without the secrets of the URL that it may quote. */
export function quotedWithoutSecrets(text: string, url: string): string {
  const shown = withoutSecrets(url)
  if (shown === url) return text
  let safe = text.replaceAll(url, shown)
  for (const secret of secretsOf(url)) safe = safe.replaceAll(secret, '***')
  return safe
}

/** An error whose message and fields do not quote the secrets of a URL: itself where the URL has none. */
export function causeWithoutSecrets(cause: unknown, url: string): unknown {
  if (withoutSecrets(url) === url || cause === undefined) return cause
  // Hosts put the URL into fields of their errors as well: a new one has only its name and message.
  const text = cause instanceof Error ? cause.message : String(cause)
  const safe = new Error(quotedWithoutSecrets(text, url))
  if (cause instanceof Error) safe.name = cause.name
  return safe
}

/** The parts of a URL that must not be quoted, as they stand in it and decoded. */
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
    // What cannot be understood, or decoded, has been replaced as a whole.
  }
  // A word of one or two letters would take the whole message apart.
  return new Set([...secrets].filter((one) => one.length > 2))
}
