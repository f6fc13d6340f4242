import ipaddr from "ipaddr.js";

/** Embedded IPv4 addresses count as what they lead to. */
function unwrapped(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  const bytes = address.toByteArray();
  // 2002::/16 (6to4) has the address behind its prefix, 64:ff9b::/96 (NAT64) at its end.
  if (address.range() === "6to4") return new ipaddr.IPv4(bytes.slice(2, 6));
  if (address.range() === "rfc6052") return new ipaddr.IPv4(bytes.slice(12, 16));
  return address;
}

/**
 * Whether an IP address is anything but a public one: of a private network, this machine, a link, a group, or none at
 * all. Text that is no address counts as such.
 */
export function isPrivateAddress(text: string): boolean {
  const address = text.replace(/^\[|\]$/g, "");
  if (!ipaddr.isValid(address)) return true;
  return unwrapped(ipaddr.parse(address)).range() !== "unicast";
}
