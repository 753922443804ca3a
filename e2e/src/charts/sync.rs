//! Generated files of the charts: written, or compared with what is committed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Chart, Error, Layout, crd, readme};

/// First part of the name of a template that is generated from a CRD.
const CRD_TEMPLATE: &str = "crd-";

/// Writes the generated files of the charts that differ, and removes templates whose CRD is gone. Returns the files
/// changed.
///
/// # Errors
/// A source is missing or has no usable form, or a file cannot be written.
pub fn sync(layout: &Layout) -> Result<Vec<PathBuf>, Error> {
    let mut changed = Vec::new();
    for (path, content) in generated(layout)? {
        if current(&path)?.as_deref() != Some(content.as_str()) {
            fs::write(&path, content).map_err(Error::write(&path))?;
            changed.push(path);
        }
    }
    for path in orphans(layout)? {
        fs::remove_file(&path).map_err(Error::write(&path))?;
        changed.push(path);
    }
    Ok(changed)
}

/// What [`sync`] would change, a line each.
///
/// # Errors
/// A source is missing or has no usable form.
pub fn check_drift(layout: &Layout) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    if crd_files(layout)?.is_empty() {
        findings.push(format!(
            "{}: there is no CRD",
            layout.relative(&layout.crds()).display()
        ));
    }
    for (path, content) in generated(layout)? {
        let name = layout.relative(&path).display();
        match current(&path)? {
            Some(found) if found == content => {}
            Some(_) => findings.push(format!("{name}: differs from what is generated")),
            None => findings.push(format!("{name}: generated file is missing")),
        }
    }
    for path in orphans(layout)? {
        findings.push(format!("{}: its CRD is gone", layout.relative(&path).display()));
    }
    Ok(findings)
}

/// Pairs of a CRD's file and the template generated from it.
pub(super) fn crd_files(layout: &Layout) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
    let templates = layout.chart(Chart::Crds).join("templates");
    let sources = yaml_files(&layout.crds())?.into_iter();
    Ok(sources
        .filter_map(|source| {
            let name = source.file_name()?.to_str()?;
            let template = templates.join(format!("{CRD_TEMPLATE}{name}"));
            Some((source, template))
        })
        .collect())
}

fn generated(layout: &Layout) -> Result<Vec<(PathBuf, String)>, Error> {
    let mut files = Vec::new();
    for (source, template) in crd_files(layout)? {
        let yaml = read(&source)?;
        let content = crd::template(&yaml).map_err(|e| Error::Crd {
            path: source,
            source: e,
        })?;
        files.push((template, content));
    }
    for chart in Chart::ALL {
        let directory = layout.chart(chart);
        let path = directory.join("README.md");
        let values = read(&directory.join("values.yaml"))?;
        let content = readme::with_table(&read(&path)?, &values).map_err(|source| Error::Readme {
            path: path.clone(),
            source,
        })?;
        files.push((path, content));
    }
    Ok(files)
}

fn orphans(layout: &Layout) -> Result<Vec<PathBuf>, Error> {
    let expected: Vec<_> = crd_files(layout)?
        .into_iter()
        .map(|(_, template)| template)
        .collect();
    let present = yaml_files(&layout.chart(Chart::Crds).join("templates"))?;
    Ok(present
        .into_iter()
        .filter(|path| is_crd_template(path) && !expected.contains(path))
        .collect())
}

fn is_crd_template(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(CRD_TEMPLATE))
}

/// The YAML files of a directory, sorted; none where there is no such directory.
fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(directory)(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::read(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

pub(super) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::read(path))
}

fn current(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::read(path)(error)),
    }
}
