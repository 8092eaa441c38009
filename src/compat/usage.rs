//! What an older tongue does not understand.

use thiserror::Error;

use crate::exit::{Exit, Explain};
use crate::target::{Target, UnknownTarget};

/// Words that mean nothing, or not what was meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum Usage {
    #[error("there is no option \"{0}\"")]
    UnknownOption(String),
    #[error("\"{word}\" could be any of {}", could.join(", "))]
    Ambiguous { word: String, could: Vec<String> },
    #[error("\"{0}\" needs a value")]
    NoValue(String),
    #[error("\"{0}\" takes no value")]
    NeedlessValue(String),
    #[error("{what} is \"{value}\": it can be \"yes\" or \"no\"")]
    YesOrNo { what: String, value: String },
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    #[error("\"all\" and single targets cannot be named together")]
    AllAndMore,
    #[error("HOST_ARCH is \"{0}\", which is no architecture that is known")]
    UnknownHost(String),
    #[error("what was exported cannot be cleared")]
    ClearOfExport,
    #[error("\"{0}\" is, or holds, what is no UTF-8 text")]
    NoText(String),
    #[error("\"{word}\" means nothing before \"--\"")]
    BeforeDashes { word: String, instead: String },
}

impl Explain for Usage {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Usage::UnknownOption(_)
            | Usage::Ambiguous { .. }
            | Usage::NoValue(_)
            | Usage::NeedlessValue(_)
            | Usage::YesOrNo { .. } => "--help tells every option".to_owned(),
            Usage::Target(UnknownTarget { nearest: Some(nearest), .. }) => format!("did you mean \"{nearest}\"?"),
            Usage::Target(_) | Usage::UnknownHost(_) => {
                format!("targets are {}", Target::all().map(Target::name).collect::<Vec<_>>().join(", "))
            }
            Usage::AllAndMore => "name no target for all".to_owned(),
            Usage::ClearOfExport => "rm the files; --clear without --systemd and --debian is for the kernel".to_owned(),
            Usage::NoText(_) => "give such a file or directory another name, or a link with one".to_owned(),
            Usage::BeforeDashes { instead, .. } => instead.clone(),
        })
    }
}
