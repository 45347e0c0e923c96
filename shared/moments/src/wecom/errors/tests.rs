use super::FailureKind as Kind;
use super::*;

/// Every code of the table of failures of moments whose meaning does not depend on the endpoint.
const EVERYWHERE: &[(Kind, &[i64])] = &[
    (Kind::Retry, &[6000, 45033, 45035, 41079, 41063, 41078]),
    (Kind::TokenInvalid, &[40014, 42001, 41001, 42009, 40082]),
    (Kind::ContentRejected, &[40201, 85002]),
    (Kind::MediaInvalid, &[40007]),
    (
        Kind::InvalidContent,
        &[41088, 41089, 41064, 41065, 41090, 41006, 40039, 40094, 45034, 40058, 40063, 40068, 40033],
    ),
    (Kind::InvalidContent, &[40004, 40005, 40006, 40009, 40011, 45001, 45002, 44001]),
    (Kind::TargetInvalid, &[40003, 40031, 60111, 46004, 60003, 60123, 81013, 84061, 41061, 41062]),
    (Kind::PermissionMissing, &[48001, 48002, 60011, 84074, 50002, 60021, 92000, 301002, 701008]),
    (Kind::PermissionMissing, &[48004, 48005, 48006, 60031, 301007, 48009]),
    (Kind::IpNotTrusted { ip: None }, &[60020]),
    (Kind::BadCredentials, &[40013, 40091, 41002, 41004, 45031, 40084, 40085]),
    (Kind::NotFound, &[41059, 41060, 41067, 40088]),
    // Of official accounts, of other areas, and next to numbers that are known.
    (Kind::Unknown, &[1, -2, 5999, 6001, 40002, 40008, 40010, 40015, 40083, 41005, 41058, 41091, 45011, 45032, 45036]),
    (Kind::Unknown, &[48003, 48007, 48008, 50001, 50004, 60019, 60022, 81012, 93000, 999_999]),
];

#[test]
fn wecom_code_means_the_same_on_every_endpoint() {
    for (kind, codes) in EVERYWHERE {
        for code in *codes {
            for endpoint in Endpoint::ALL {
                assert_eq!(classify(endpoint, *code), *kind, "{code} on {endpoint}");
            }
        }
    }
}

#[test]
fn wecom_code_means_another_thing_on_gettoken() {
    for endpoint in Endpoint::ALL {
        let from_secret = endpoint == Endpoint::GetToken;
        let window = if from_secret { RateWindow::Hour } else { RateWindow::Minute };
        assert_eq!(classify(endpoint, 45009), Kind::RateLimited { window }, "{endpoint}");
        let wrong = if from_secret { Kind::BadCredentials } else { Kind::TokenInvalid };
        assert_eq!(classify(endpoint, 40001), wrong, "{endpoint}");
        let off = if from_secret { Kind::BadCredentials } else { Kind::PermissionMissing };
        assert_eq!(classify(endpoint, 50003), off, "{endpoint}");
    }
}

#[test]
fn wecom_outcome_is_unknown_only_after_system_busy() {
    for code in -100..1_000_000 {
        for endpoint in Endpoint::ALL {
            let unknown = endpoint == Endpoint::AddMomentTask && code == -1;
            assert_eq!(classify(endpoint, code) == Kind::OutcomeUnknown, unknown, "{code} on {endpoint}");
        }
    }
    for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| endpoint.is_repeatable()) {
        assert_eq!(classify(endpoint, -1), Kind::Retry, "{endpoint}");
    }
}

#[test]
fn wecom_error_names_the_address_the_platform_saw() {
    for (errmsg, ip) in [
        (
            "not allow to access from your ip, hint: [1700000000_12_3fa9], from ip: 203.0.113.7, more info at https://x",
            Some("203.0.113.7"),
        ),
        ("not allow to access from your ip, from ip: 2001:db8::7, more", Some("2001:db8::7")),
        ("not allow to access from your ip, from ip: 203.0.113.7", Some("203.0.113.7")),
        ("from ip: secret-token, more", None),
        ("from ip: ", None),
        ("", None),
    ] {
        let error = refused(Endpoint::AddMomentTask, 60020, errmsg);
        assert_eq!(error.kind, Kind::IpNotTrusted { ip: ip.map(|ip| ip.parse().unwrap()) }, "{errmsg}");
    }
}

#[test]
fn wecom_hint_of_another_form_is_dropped() {
    let long = format!("hint: [{}]", "1".repeat(65));
    for (errmsg, hint) in [
        ("invalid credential, hint: [1700000000_12_3fa9bc], from ip: 203.0.113.7", Some("1700000000_12_3fa9bc")),
        ("invalid credential, hint: [1700000000123456789]", Some("1700000000123456789")),
        ("invalid access_token", None),
        ("hint: []", None),
        ("hint: [secret token]", None),
        ("hint: [1700000000", None),
        (long.as_str(), None),
    ] {
        let error = refused(Endpoint::UserGet, 40014, errmsg);
        assert_eq!(error.detail, hint.map(|hint| Detail::Hint(hint.to_owned())), "{errmsg}");
        assert_eq!((error.kind, error.code), (Kind::TokenInvalid, Some(40014)));
    }
}
