//! The administrator's settings: what they say makes sense.

use qus::settings::Settings;

pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Settings::parse(&text) {
        Ok(settings) => {
            assert!(settings.keep.versions() >= 1);
            if let Some(window) = &settings.update.window {
                let open = (0..24 * 60).filter(|minute| window.is_open(*minute)).count();
                assert!((1..24 * 60).contains(&open), "a window is open now and then, and not always");
            }
            // Behind it: a byte order mark counts only at the beginning.
            assert_eq!(Settings::parse(&format!("{text}\n# A remark.")).as_ref(), Ok(&settings));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
