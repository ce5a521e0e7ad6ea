import ipaddr from 'ipaddr.js';

/** How far an IP address leads, from where the poller stands. */
export type Reach =
  /** Link-local, and the metadata services of clouds: never asked anything. */
  | 'forbidden'
  /** Loopback, private and all other special ranges: where a public registry has nobody to send us to. */
  | 'private'
  | 'public';

/** What clouds tell their machines, outside the link-local ranges: AWS and Google over IPv6, Alibaba, Oracle, Azure. */
const metadataServices = [
  'fd00:ec2::254',
  'fd20:ce::254',
  '100.100.100.200',
  '192.0.0.192',
  // https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
  '168.63.129.16',
].map((address) => ipaddr.parse(address).toNormalizedString());

/** Ranges of IPv6 that lead to the IPv4 address in their last 32 bits. */
const embeddings = [
  // IPv4-mapped, https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5.2
  '::ffff:0:0/96',
  // IPv4-compatible, deprecated there
  '::/96',
  // NAT64, https://www.rfc-editor.org/rfc/rfc6052#section-2.1
  '64:ff9b::/96',
  // IPv4-translated, https://www.rfc-editor.org/rfc/rfc2765#section-2.1
  '::ffff:0:0:0/96',
].map((cidr) => ipaddr.IPv6.parseCIDR(cidr));

/** 6to4 has its IPv4 address right behind the prefix, https://www.rfc-editor.org/rfc/rfc3056#section-2 */
const sixToFour = ipaddr.IPv6.parseCIDR('2002::/16');

/** Where an address leads, by the IPv4 address inside it where it embeds one (case 41). */
export function reachOf(address: string): Reach {
  if (!ipaddr.isValid(address)) return 'forbidden';
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6) {
    const range = parsed.range();
    if (range === 'loopback' || range === 'unspecified') return 'private';
    const inner = embeddedIPv4(parsed);
    if (inner !== undefined) return reachOf(inner.toString());
  }
  if (parsed.range() === 'linkLocal') return 'forbidden';
  if (metadataServices.includes(withoutZone(parsed).toNormalizedString())) return 'forbidden';
  return parsed.range() === 'unicast' ? 'public' : 'private';
}

/** The IP address that a URL names outright, in whichever notation; undefined when it names a host. */
export function literalAddress(url: URL): string | undefined {
  // The URL parser has already turned 2852039166 and 0xa9.0xfe.0xa9.0xfe into 169.254.169.254.
  const name = url.hostname.replace(/^\[(?<address>.*)\]$/, '$<address>');
  return ipaddr.isValid(name) ? name : undefined;
}

function embeddedIPv4(address: ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const bytes = address.toByteArray();
  if (embeddings.some(([prefix, bits]) => address.match(prefix, bits))) {
    return new ipaddr.IPv4(bytes.slice(12));
  }
  return address.match(...sixToFour) ? new ipaddr.IPv4(bytes.slice(2, 6)) : undefined;
}

function withoutZone(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  return ipaddr.fromByteArray(address.toByteArray());
}
