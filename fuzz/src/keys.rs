//! Keys that are known to everybody, and so to nobody's use but this: what lies behind a signature is reached only by
//! signing what a fuzzer invents.

use std::sync::LazyLock;

use minisign::{PublicKey, SecretKey, SecretKeyBox};

/// A public key, and the secret one to it.
pub(crate) struct Pair {
    pub(crate) public: &'static str,
    secret: LazyLock<SecretKey>,
}

/// What minisign writes at the start of a secret key without a passphrase, in base64.
const HEAD: &str = "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) static ROOT: Pair = Pair {
    public: "RWTQKPzPizPfMg78WeRmkjPOB8UJ3ySoE3WEQY+IJ/KiFGE4us6wgkZV",
    secret: LazyLock::new(|| {
        secret(
            "0Cj8z4sz3zIAcKXfjj0nB/6YHzt70WDzGKSnawhG198PRqxKkb1/tw78WeRmkjPOB8UJ3ySoE3WEQY+IJ/KiFGE4us6wgkZVajVEba4dcyYGcon0kz5fSkkJzzpcrNARZE5EKg8zawA=",
        )
    }),
};

pub(crate) static RELEASE: Pair = Pair {
    public: "RWTmUkDKSwtBWC/Gmc7E9d79zDtWvsVr2fbetrqjyrw634r5/K30IqSj",
    secret: LazyLock::new(|| {
        secret(
            "5lJAyksLQViGPyrzrrehZd7UPe8GmKvZ1G5bY+9Qbf1Fr/X8TUZSuC/Gmc7E9d79zDtWvsVr2fbetrqjyrw634r5/K30IqSjoZnna5vYH7GZcvkZCjEm82OTzhcyqleqj17tByR3E8A=",
        )
    }),
};

pub(crate) static INDEX: Pair = Pair {
    public: "RWSvgkek9otkfbwSG+jM8kffxDh3j1MVgjf7+Z2MUo1hLwwsB9iDVCQP",
    secret: LazyLock::new(|| {
        secret(
            "r4JHpPaLZH3JHiEvcWptUIrMNErnHSskl1y5Fc5LBdwxiRn363LvD7wSG+jM8kffxDh3j1MVgjf7+Z2MUo1hLwwsB9iDVCQPFv16f0XgcUw2FJ7gDSzwTvOjAVdFEAkZ4rCUYPmAGq8=",
        )
    }),
};

pub(crate) static STRANGER: Pair = Pair {
    public: "RWRiZ4zk1XwA+UjZ+3DrDH5zLlQx5o05QTKH88zdEbQ2uRbSrYeMUnld",
    secret: LazyLock::new(|| {
        secret(
            "YmeM5NV8APnNGu3E69PB3uZlhoklLcMlVTmytEHizGV1SM5Fwq5I+EjZ+3DrDH5zLlQx5o05QTKH88zdEbQ2uRbSrYeMUnld96gfXTtal6EnMyvG48J9/E33LBRtZQyjacKN7R5HhtM=",
        )
    }),
};

impl Pair {
    /// A signature file for `bytes`.
    pub(crate) fn sign(&self, bytes: &[u8], comment: &str) -> String {
        let public = PublicKey::from_base64(self.public).expect("it is spelled as minisign does");
        let signed = minisign::sign(Some(&public), &self.secret, bytes, Some(comment), Some("untrusted"));
        signed.expect("the two keys belong together").to_string()
    }
}

/// The key whose spelling ends so; how it begins is the same for all.
fn secret(end: &str) -> SecretKey {
    let boxed = SecretKeyBox::from_string(&format!("untrusted comment: known to everybody\n{HEAD}{end}\n"));
    let boxed = boxed.expect("it is spelled as minisign does");
    boxed.into_unencrypted_secret_key().expect("it has no passphrase")
}
