//! Forged, renamed, confused, padded, malleated and legacy signatures.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use blake2::{Blake2b512, Digest};
use qus::release::{Form, INDEX_KIND};
use qus::trust::TrustError;

use super::scene::{ASSET, Scene, scene};
use crate::support::publisher::{Publisher, member, now, pack, public, sign, target};

/// Puts each byte of `name` in turn through a change of one bit, and tells what comes of it.
fn flip_each(scene: &Scene, path: &std::path::Path, mut judge: impl FnMut(usize, Result<(), TrustError>)) {
    let (sound, opened) = (fs::read(path).unwrap(), scene.open(now()).unwrap());
    for at in 0..sound.len() {
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        fs::write(path, &flipped).unwrap();
        judge(at, opened.fetch());
    }
    fs::write(path, &sound).unwrap();
    scene.believe(now()).unwrap();
}

#[test]
fn an_asset_with_any_bit_flipped_is_refused() {
    let scene = scene();
    flip_each(&scene, &scene.asset(), |at, judged| {
        assert!(matches!(judged, Err(TrustError::WrongHash { .. })), "byte {at}: {judged:?}");
    });
    let mut bytes = fs::read(scene.asset()).unwrap();
    bytes[50] ^= 1;
    fs::write(scene.asset(), bytes).unwrap();
    scene.ends(3, &["has another content than signed"]);
}

/// The first line is anybody's: nothing is believed of what it says behind its first words.
#[test]
fn a_signature_with_any_bit_flipped_is_refused() {
    let scene = scene();
    let text = fs::read_to_string(scene.signature()).unwrap();
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let [first, second, third, fourth, end] = starts[..] else { panic!("{text}") };
    let said = first + "untrusted comment: ".len();
    flip_each(&scene, &scene.signature(), |at, judged| {
        let fits = match at {
            _ if (said..second - 1).contains(&at) => judged.is_ok(),
            // Lines that do not end where they should.
            _ if at < said || [second, third, fourth, end].contains(&(at + 1)) => {
                matches!(judged, Err(TrustError::Malformed { .. }))
            }
            // Algorithm, then key id, then the signature; a letter flipped may be none of base64.
            _ if at < third => matches!(
                judged,
                Err(TrustError::Malformed { .. } | TrustError::BadSignature { .. } | TrustError::UnknownKey { .. })
            ),
            _ if at < fourth => matches!(
                judged,
                Err(TrustError::Malformed { .. } | TrustError::WrongType { .. } | TrustError::Mismatch { .. })
            ),
            _ => matches!(judged, Err(TrustError::Malformed { .. } | TrustError::BadSignature { .. })),
        };
        assert!(fits, "byte {at}: {judged:?}");
    });
}

/// A comment that says what is wanted, and is not the one that was signed.
#[test]
fn a_forged_trusted_comment_is_refused() {
    let scene = scene();
    let sound = fs::read_to_string(scene.signature()).unwrap();
    // The asset of the same content was signed for an older version.
    let other =
        sign(&scene.image.publisher.release_key, &fs::read(scene.asset()).unwrap(), "type:qus-asset\tversion:10.0-1");
    let comment = |text: &str| text.lines().nth(2).unwrap().to_owned();
    fs::write(scene.signature(), other.replace(&comment(&other), &comment(&sound))).unwrap();
    assert!(matches!(scene.refusal(), TrustError::BadSignature { .. }));
    scene.ends(3, &[&format!("the signature of \"{ASSET}\" does not fit its content")]);
}

#[test]
fn a_genuine_asset_of_another_version_is_refused_under_this_ones_name() {
    let scene = Scene::publishing(|folder, url| {
        let mut publisher = Publisher::new(folder, url);
        publisher.add_release("10.0.13-0", &["aarch64"]);
        publisher.add_release("11.1.3-1", &["aarch64"]);
        publisher.publish();
        publisher
    });
    for end in ["", ".minisig"] {
        let from = scene.file(&format!("10.0.13-0/{ASSET}{end}"));
        fs::copy(from, format!("{}{end}", scene.asset().display())).unwrap();
    }
    let error = scene.refusal();
    assert!(
        matches!(&error, TrustError::Mismatch { field: "version", signed, .. } if signed == "10.0.13-0"),
        "{error}"
    );
    scene.ends(3, &["is signed for version \"10.0.13-0\", where \"11.1.3-1\" is wanted"]);
}

#[test]
fn keys_of_one_role_do_not_sign_for_another() {
    let mut scene = scene();
    let publisher = &scene.image.publisher;
    for key in [&publisher.release_key, &publisher.root_key] {
        scene.sign_index(key);
        assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
        scene.ends(3, &["\"index.qus\" is not signed by a key that this machine trusts"]);
    }
    scene.image.publisher.publish();

    for other in [scene.image.publisher.index_key.clone(), scene.image.publisher.root_key.clone()] {
        let own = std::mem::replace(&mut scene.image.publisher.release_key, other);
        let packed = pack(target("aarch64"), "11.1.3-1");
        let members = vec![member(target("aarch64"), &packed.content)];
        scene.image.publisher.replace_asset("aarch64", &[packed], members);
        scene.image.publisher.release_key = own;
        assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
        scene.ends(3, &[&format!("\"{ASSET}\" is not signed by a key that this machine trusts")]);
    }

    let root = scene.second_root(|_| {});
    for key in [&scene.image.publisher.index_key, &scene.image.publisher.release_key] {
        scene.image.publisher.publish_root(&root, &[("alice", key)]);
        assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
        scene.ends(3, &["\"root.2.json\" is not signed by a key that this machine trusts"]);
    }
}

#[test]
fn no_document_stands_in_for_another() {
    let scene = scene();
    let publisher = &scene.image.publisher;
    let index = serde_json::to_string(&publisher.index).unwrap();
    let root = serde_json::to_string(&scene.second_root(|_| {})).unwrap();
    let wrong = |error: TrustError, was: &str| {
        assert!(matches!(&error, TrustError::WrongType { signed, .. } if signed == was), "{error}");
    };

    // A root in the place of the index, properly signed as what it is, or by a thief of the index key as what it is not.
    scene.put_index(&publisher.root_key, &root, "type:qus-root\tversion:2");
    assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
    scene.put_index(&publisher.index_key, &root, "type:qus-root\tversion:2");
    wrong(scene.refusal(), "qus-root");
    scene.ends(3, &["\"index.qus\" is signed as \"qus-root\", where \"qus-index\" is wanted"]);
    scene.put_index(&publisher.index_key, &root, &format!("type:{INDEX_KIND}\tserial:7"));
    assert!(matches!(scene.refusal(), TrustError::Malformed { .. }));
    let posing = index.replace("\"type\":\"qus-index\"", "\"type\":\"qus-root\"");
    scene.put_index(&publisher.index_key, &posing, &format!("type:{INDEX_KIND}\tserial:7"));
    wrong(scene.refusal(), "qus-root");

    // The signature of an asset in the place of the index's.
    let asset = fs::read_to_string(scene.signature()).unwrap();
    fs::write(scene.file("index.qus"), format!("{asset}\n{index}")).unwrap();
    assert!(matches!(scene.refusal(), TrustError::UnknownKey { .. }));
    scene.put_index(&publisher.index_key, &index, "type:qus-asset\tserial:7");
    wrong(scene.refusal(), "qus-asset");
    publisher.publish();

    // An index in the place of a root, signed by the root key in both roles.
    let comment = "type:qus-root\tversion:2";
    fs::write(scene.file("root.2.json"), &index).unwrap();
    fs::write(scene.file("root.2.json.minisig.alice"), sign(&publisher.root_key, index.as_bytes(), comment)).unwrap();
    assert!(matches!(scene.refusal(), TrustError::Malformed { .. }));
    scene.ends(3, &["\"root.2.json\" is malformed"]);
    fs::write(scene.file("root.2.json"), &root).unwrap();
    let signed = sign(&publisher.root_key, root.as_bytes(), "type:qus-index\tversion:2");
    fs::write(scene.file("root.2.json.minisig.alice"), signed).unwrap();
    wrong(scene.refusal(), "qus-index");
    scene.ends(3, &["\"root.2.json\" is signed as \"qus-index\", where \"qus-root\" is wanted"]);
}

#[test]
fn extra_bytes_in_or_around_a_signature_are_refused() {
    let scene = scene();
    let sound = fs::read_to_string(scene.signature()).unwrap();
    for unsound in [
        format!("{sound}more\n"),
        format!("{sound}\n"),
        format!("{sound}{sound}"),
        format!("\n{sound}"),
        format!("\u{feff}{sound}"),
        sound.replace('\n', "\r\n"),
        sound.trim_end().to_owned(),
        sound.replace("untrusted comment: ", "comment: "),
    ] {
        fs::write(scene.signature(), &unsound).unwrap();
        assert!(matches!(scene.refusal(), TrustError::Malformed { .. }), "{unsound:?}");
    }
    scene.ends(3, &[&format!("the signature of \"{ASSET}\" is malformed: its first line is not minisign's")]);

    // Ten megabytes of it are not even fetched.
    fs::write(scene.signature(), sound.replacen('\n', &format!("{}\n", "x".repeat(10_000_000)), 1)).unwrap();
    scene.ends(3, &["is longer than 2048 bytes, the most that such a file may have"]);
    fs::write(scene.signature(), sound).unwrap();

    let index = fs::read_to_string(scene.file("index.qus")).unwrap();
    for (unsound, malformed) in [
        (format!("{index}\n"), false),
        (format!("{index} "), false),
        (index.replace('\n', "\r\n"), true),
        (format!("\n{index}"), true),
        (index.replacen("\n\n", "\nmore\n\n", 1), true),
        (index.replacen("\n\n", "\n\n\n", 1), false),
    ] {
        fs::write(scene.file("index.qus"), unsound).unwrap();
        let error = scene.refusal();
        let fits = if malformed {
            matches!(error, TrustError::Malformed { .. })
        } else {
            matches!(error, TrustError::BadSignature { .. })
        };
        assert!(fits, "{error}");
        scene.ends(3, &["\"index.qus\""]);
    }
}

/// Adds the order of the group to the half of an Ed25519 signature that is a number: it stands for the same point, and is
/// not the same signature.
fn malleate(signature: &mut [u8]) {
    /// 2^252 + 27742317777372353535851937790883648493, least byte first (RFC 8032, section 5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (digit, order) in signature[32..64].iter_mut().zip(ORDER) {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        *digit = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

/// The text of a signature file with line `line` of base64 changed, of which the first `skip` bytes are no signature.
fn malleated(text: &str, line: usize, skip: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut bytes = BASE64.decode(&lines[line]).unwrap();
    malleate(&mut bytes[skip..]);
    lines[line] = BASE64.encode(bytes);
    lines.join("\n") + "\n"
}

#[test]
fn a_malleated_signature_is_refused() {
    let scene = scene();
    let sound = fs::read_to_string(scene.signature()).unwrap();
    let index = fs::read_to_string(scene.file("index.qus")).unwrap();
    let (head, body) = index.split_once("\n\n").unwrap();
    // The signature of the content, behind algorithm and id; and that of the comment.
    for (line, skip) in [(1, 10), (3, 0)] {
        fs::write(scene.signature(), malleated(&sound, line, skip)).unwrap();
        assert!(matches!(scene.refusal(), TrustError::BadSignature { .. }), "line {line}");
        scene.ends(3, &[&format!("the signature of \"{ASSET}\" does not fit its content")]);
        fs::write(scene.signature(), &sound).unwrap();

        let changed = malleated(&format!("{head}\n"), line, skip);
        fs::write(scene.file("index.qus"), format!("{changed}\n{body}")).unwrap();
        assert!(matches!(scene.refusal(), TrustError::BadSignature { .. }), "line {line}");
        scene.ends(3, &["the signature of \"index.qus\" does not fit its content"]);
        fs::write(scene.file("index.qus"), &index).unwrap();
    }
}

/// A prehashed signature of something is a legacy signature of its `BLAKE2b` hash: a file of 64 bytes that nobody ever meant
/// to sign.
#[test]
fn a_legacy_signature_is_refused_however_genuine() {
    let mut scene = scene();
    let meant = b"a letter that the release key did sign";
    let file = Blake2b512::digest(meant).to_vec();
    let release_key = scene.image.publisher.release_key.clone();
    scene.image.publisher.replace_asset_bytes("aarch64", &file, vec![member(target("aarch64"), b"content")]);
    let asset = scene.image.publisher.index.releases[0]
        .asset(Form::Emulator, qus::host::Host::Amd64, target("aarch64"))
        .unwrap();
    let comment = qus::trust::AssetClaim::of(asset, &"11.1.3-1".parse().unwrap()).comment();
    let prehashed = sign(&release_key, meant, &comment);
    let mut lines: Vec<String> = prehashed.lines().map(str::to_owned).collect();
    let mut bytes = BASE64.decode(&lines[1]).unwrap();
    assert_eq!(&bytes[..2], b"ED");
    bytes[1] = b'd';
    lines[1] = BASE64.encode(bytes);
    let legacy = lines.join("\n") + "\n";

    let key = minisign_verify::PublicKey::from_base64(public(&release_key).as_str()).unwrap();
    let signature = minisign_verify::Signature::decode(&legacy).unwrap();
    key.verify(&file, &signature, true).expect("it is genuine, for who accepts the legacy form");

    fs::write(scene.signature(), legacy).unwrap();
    assert!(matches!(scene.refusal(), TrustError::BadSignature { .. }));
    scene.ends(3, &[&format!("the signature of \"{ASSET}\" does not fit its content")]);
}
