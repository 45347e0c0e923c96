//! Which addresses are public. Everything the IANA special-purpose registries (RFC 6890) do not leave to the public
//! internet is refused: a fetch must not reach our own machine, our network, or a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks and their prefix lengths. None is empty, so shifting by `32 - prefix` is always defined.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT; holds Alibaba's metadata service
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local; holds the metadata and credential services of AWS and others
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, deprecated
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// Within 2000::/3, the only part of IPv6 that is in public use.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, benchmarks, identifiers
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether anybody on the internet reaches the same machine at this address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !NOT_PUBLIC_V4.iter().any(|(network, prefix)| (bits ^ u32::from(*network)) >> (32 - prefix) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // An address that carries an IPv4 address is as public as that one: IPv4-mapped and -compatible,
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => is_public_v4(v4(high, low)),
        // NAT64 (a network without IPv4, as AWS offers with DNS64, reaches every IPv4 host this way),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(v4(high, low)),
        // 6to4,
        [0x2002, high, low, ..] => is_public_v4(v4(high, low)),
        // and Teredo, which carries its server's and, inverted, its client's.
        [0x2001, 0, server_high, server_low, _, _, client_high, client_low] => {
            is_public_v4(v4(server_high, server_low)) && is_public_v4(v4(!client_high, !client_low))
        }
        [first, ..] => first & 0xe000 == 0x2000 && !in_special_v6(address),
    }
}

fn in_special_v6(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
    NOT_PUBLIC_V6.iter().any(|(network, prefix)| (bits ^ u128::from(*network)) >> (128 - prefix) == 0)
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(addresses: &str, public: bool) {
        for address in addresses.split_whitespace() {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn address_in_a_special_ipv4_network_is_refused_to_the_last() {
        all("0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255", false);
        all("127.0.0.1 127.255.255.255 169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255", false);
        all("172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.255", false);
        all("192.88.99.0 192.88.99.255 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255", false);
        all("198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255", false);
        all("240.0.0.0 255.255.255.254 255.255.255.255", false);
    }

    #[test]
    fn address_beside_a_special_network_is_public() {
        all("1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0", true);
        all("169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0", true);
        all("192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0", true);
        all("198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255", true);
    }

    #[test]
    fn address_of_ipv6_is_public_only_in_public_use() {
        all("2400:3200::1 2606:4700::6810:1 2a00:1450::1 2001:200:: 2001:4860:4860::8888 3ffe:ffff::1", true);
        all(":: ::1 100::1 64:ff9b:1::808:808 4000:: 5f00::1 fc00::1 fdff::1 fd00:ec2::254", false);
        all("fe80::1 febf::1 fec0::1 feff::1 ff02::1 ff0e::1", false);
        all("2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1 3fff::1 3fff:fff::1", false);
        // IPv4-translated, which no router announces.
        all("::ffff:0:8.8.8.8", false);
    }

    #[test]
    fn address_of_ipv6_with_an_ipv4_address_is_judged_by_that() {
        all("::ffff:8.8.8.8 ::8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1", true);
        all("::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:10.0.0.1 ::127.0.0.1 ::192.168.1.1", false);
        all("64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 2002:7f00:1::1 2002:a9fe:a9fe:: 2002:c0a8:101::1", false);
        // Teredo: server 65.54.227.120 with client 192.0.3.45, then a private client, then a private server.
        all("2001:0:4136:e378:8000:63bf:3fff:fcd2", true);
        all("2001:0:4136:e378:8000:63bf:3f57:fefe 2001:0:a00:1:8000:63bf:3fff:fcd2", false);
    }

    proptest! {
        #[test]
        fn address_in_any_ipv6_form_is_judged_like_its_ipv4_address(bits: u32) {
            let plain = Ipv4Addr::from(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            for carrier in [
                plain.to_ipv6_mapped(),
                plain.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 1, 2, 3, 4, 5),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
            ] {
                prop_assert_eq!(is_public(carrier.into()), is_public(plain.into()), "{}", carrier);
            }
        }

        #[test]
        fn address_that_is_public_is_never_special_in_the_standard_library(bits: u32, bits6: u128) {
            let v4 = Ipv4Addr::from(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!(special && is_public(v4.into())), "{}", v4);
            let v6 = Ipv6Addr::from(bits6);
            let special = v6.is_loopback() || v6.is_multicast() || v6.is_unspecified()
                || v6.is_unique_local() || v6.is_unicast_link_local();
            prop_assert!(!(special && is_public(v6.into())), "{}", v6);
        }
    }
}
