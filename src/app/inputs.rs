//! Files that are read: certificates to trust and to show, and a document to compare with.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use crate::baseline::Baseline;
use crate::net::{Identity, Roots, trust};
use crate::plan::{Limits, Plan};

pub(super) fn read_baseline(path: &Path) -> Result<Arc<Baseline>, Error> {
    let unusable = |reason: String| Error::Baseline {
        path: path.to_path_buf(),
        reason,
    };
    let bytes = read_file(path).map_err(unusable)?;
    let read = Baseline::read(&bytes).map_err(|why| unusable(why.to_string()))?;
    Ok(Arc::new(read))
}

pub(super) fn read_ca_file(path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let unusable = |reason: String| Error::CaFile {
        path: path.to_path_buf(),
        reason,
    };
    let bytes = read_file(path).map_err(unusable)?;
    trust::certificates(&bytes).map_err(|error| unusable(error.to_string()))
}

pub(super) fn read_client_certificate(path: &Path) -> Result<Identity, Error> {
    let unusable = |reason: String| Error::ClientCertificate {
        path: path.to_path_buf(),
        reason,
    };
    let bytes = read_file(path).map_err(unusable)?;
    Identity::read(&bytes).map_err(|error| unusable(error.to_string()))
}

pub(super) fn roots(plan: &Plan, ca_files: &[PathBuf]) -> Result<Roots, Error> {
    Roots::new(&plan.trust).map_err(|error| Error::CaFile {
        path: ca_files.iter().collect(),
        reason: error.to_string(),
    })
}

/// What is in a file, unless that is more than anyone needs; why it cannot be read.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(Limits::FILE_BYTES + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| error.to_string())?;
    if bytes.len() as u64 > Limits::FILE_BYTES {
        return Err("it is over 16 MiB".to_owned());
    }
    Ok(bytes)
}
