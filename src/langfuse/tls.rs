//! Trusted roots. Mozilla's are compiled in; the machine's own are read (5 ms and more) only after a certificate was
//! rejected.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use base::regular_file;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

const MAX_BUNDLE_BYTES: u64 = 8 * 1024 * 1024;

/// Sets of roots, tried in order. Mozilla's are trust anchors without certificates, so ureq can't hold them in one set with a
/// file's.
#[derive(Debug)]
pub(crate) struct Roots {
    own: Vec<Certificate<'static>>,
    system_files: Vec<PathBuf>,
    waiting: VecDeque<Source>,
    /// The problem of the user's CA file, for the message about a rejected certificate.
    pub(crate) note: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Own,
    Mozilla,
    Machine,
}

impl Roots {
    /// The user's CA file comes first, because it is set for a server that needs it.
    pub(crate) fn new(ca_file: Option<&Path>, environment: &BTreeMap<String, String>) -> Self {
        let mut note = None;
        let own = ca_file.map_or_else(Vec::new, |path| {
            read_bundle(path).unwrap_or_else(|reason| {
                log::warn!("{reason}");
                note = Some(reason);
                Vec::new()
            })
        });
        let mut waiting = VecDeque::from([Source::Mozilla, Source::Machine]);
        if !own.is_empty() {
            waiting.push_front(Source::Own);
        }
        let mut system_files: Vec<PathBuf> = ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE"]
            .iter()
            .filter_map(|name| environment.get(*name))
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .collect();
        system_files.dedup();
        Self { own, system_files, waiting, note }
    }

    /// The next set; `None` when all were tried.
    pub(crate) fn next(&mut self) -> Option<RootCerts> {
        while let Some(source) = self.waiting.pop_front() {
            match source {
                Source::Own => return Some(RootCerts::new_with_certs(&self.own)),
                Source::Mozilla => return Some(RootCerts::WebPki),
                Source::Machine => {
                    let mut certificates = self.own.clone();
                    for path in &self.system_files {
                        match read_bundle(path) {
                            Ok(more) => certificates.extend(more),
                            Err(reason) => log::warn!("{reason}"),
                        }
                    }
                    if certificates.len() > self.own.len() {
                        return Some(RootCerts::from(certificates));
                    }
                }
            }
        }
        None
    }
}

/// Why a CA file can't be used.
pub fn ca_file_problem(path: &Path) -> Option<String> {
    read_bundle(path).err()
}

fn read_bundle(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let shown = path.display();
    let Ok(pem) = regular_file::read(path, MAX_BUNDLE_BYTES) else {
        return Err(format!("could not read the certificates in {shown}"));
    };
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(format!("found no certificate in {shown}"));
    }
    Ok(certificates)
}
