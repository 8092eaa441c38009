//! A thief had both keys, and what the thief signed is installed: a root that revokes it reaches it there.

use qus::trust::TrustError;

use super::scene::{ASSET, scene_with_memory};
use crate::support::publisher::{emulator, member, pack, sha256, target};
use crate::updates::revoked::revoke;

#[test]
fn what_a_thief_had_signed_is_told_left_and_never_gone_back_to() {
    let mut scene = scene_with_memory();
    let genuine = emulator(target("aarch64"), "11.1.3-1");
    let publisher = &mut scene.image.publisher;
    // Signed by both keys, and newer.
    publisher.index.serial += 1;
    publisher.add_release("11.1.9-1", &["aarch64", "arm"]);
    let mut forged = pack(target("aarch64"), "11.1.9-1");
    forged.content[3000] ^= 1;
    let hash = sha256(&forged.content);
    let members = vec![member(target("aarch64"), &forged.content)];
    publisher.replace_asset("aarch64", &[forged], members);
    scene.image.run(&["update"]).expect(0, &["aarch64 11.1.3-1 -> 11.1.9-1"]);

    // The publisher's root names the program alone; the thief's index is still what is handed out.
    revoke(&scene.image.publisher, 2, &[hash]);
    scene.image.run(&["update"]).expect(0, &["aarch64 is installed in version 11.1.9-1, which was revoked"]);
    scene.image.run(&["status"]).expect(0, &["11.1.9-1 revoked", "or back: qus rollback aarch64"]);
    scene.image.run(&["remove", "all"]).expect(0, &[]);
    scene.ends(3, &["version 11.1.9-1 of \"aarch64\" was revoked"]);

    // The same bytes in an archive of another name for them are refused before they are fetched.
    let other = scene.image.publisher.index.releases[0].assets.iter_mut().find(|asset| asset.file == ASSET).unwrap();
    other.members[0].sha256 = hash;
    scene.image.publisher.publish();
    let error = scene.refusal();
    assert!(matches!(error, TrustError::RevokedMember { member, .. } if member == hash), "{error}");

    // The publisher's next index, with what was there before the thief: older, and taken all the same.
    let other = scene.image.publisher.index.releases[0].assets.iter_mut().find(|asset| asset.file == ASSET).unwrap();
    other.members[0].sha256 = sha256(&genuine);
    scene.image.publisher.index.releases.pop();
    scene.image.publisher.index.channels.insert("stable".to_owned(), "11.1.3-1".parse().unwrap());
    scene.image.publisher.publish();
    scene.image.run(&super::scene::INSTALL).expect(0, &[]);
}
