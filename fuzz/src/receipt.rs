//! Receipts: what is read is written so that it reads the same.

use qus::receipt::Receipt;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(receipt) = serde_json::from_slice::<Receipt>(bytes) else { return };
    let written = receipt.to_json();
    assert_eq!(serde_json::from_str::<Receipt>(&written).expect("it was one before"), receipt);
    for installed in receipt.targets.values() {
        assert!(!installed.path.as_str().split('/').any(|name| name == ".."));
    }
}
