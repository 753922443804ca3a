//! Which machine a program runs on, and whether it runs with nothing beside it: read from its ELF header.
//!
//! An image of one file works only if that file needs no loader and no shared library, and a kubelet says of an
//! image that breaks this rule merely "no such file or directory". So it is checked before an image is made.

use std::fmt;

/// A processor architecture that images are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

/// Why a file is no program for an image of its own.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This machine's architecture is none that images are made for.
    #[error("images are made for x86_64 and aarch64, this machine is {0}")]
    UnsupportedHost(&'static str),
    /// The file is not an ELF program.
    #[error("not a 64-bit little-endian ELF program")]
    NotElf,
    /// The file ends inside its headers.
    #[error("the ELF headers are cut short")]
    Truncated,
    /// The program is for another processor (the number is ELF's `e_machine`).
    #[error("a program for an unsupported processor (ELF machine {0})")]
    UnsupportedMachine(u16),
    /// The program asks for a loader, which an image of one file does not have.
    #[error("dynamically linked: it needs a loader and libraries that the image does not have")]
    DynamicallyLinked,
}

impl Architecture {
    /// The architecture of this machine.
    ///
    /// # Errors
    /// [`Error::UnsupportedHost`] on anything but x86_64 and aarch64.
    pub fn host() -> Result<Self, Error> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::Amd64),
            "aarch64" => Ok(Self::Arm64),
            other => Err(Error::UnsupportedHost(other)),
        }
    }

    /// The name that OCI image configurations use (Go's GOARCH).
    pub fn oci_name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The Rust target that makes static Linux programs for it.
    pub fn rust_target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.oci_name())
    }
}

// Offsets and numbers of the ELF-64 format (System V ABI, "ELF Header" and "Program Header").
const MAGIC_64_LITTLE_ENDIAN: &[u8] = b"\x7fELF\x02\x01";
const E_TYPE: usize = 16;
const E_MACHINE: usize = 18;
const E_PHOFF: usize = 32;
const E_PHENTSIZE: usize = 54;
const E_PHNUM: usize = 56;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;
const PT_INTERP: u32 = 3;

/// The architecture of a static Linux program, given its bytes.
///
/// # Errors
/// Says why these bytes cannot be the only file of an image.
pub fn static_program(bytes: &[u8]) -> Result<Architecture, Error> {
    if !bytes.starts_with(MAGIC_64_LITTLE_ENDIAN) {
        return Err(Error::NotElf);
    }
    // A static position-independent program is of type DYN as well; only its segments tell it from a dynamic one.
    if !matches!(u16::from_le_bytes(field(bytes, E_TYPE)?), ET_EXEC | ET_DYN) {
        return Err(Error::NotElf);
    }
    let architecture = match u16::from_le_bytes(field(bytes, E_MACHINE)?) {
        EM_X86_64 => Architecture::Amd64,
        EM_AARCH64 => Architecture::Arm64,
        other => return Err(Error::UnsupportedMachine(other)),
    };
    let table = usize::try_from(u64::from_le_bytes(field(bytes, E_PHOFF)?)).map_err(|_| Error::Truncated)?;
    let size = usize::from(u16::from_le_bytes(field(bytes, E_PHENTSIZE)?));
    for index in 0..usize::from(u16::from_le_bytes(field(bytes, E_PHNUM)?)) {
        let header = table.checked_add(index * size).ok_or(Error::Truncated)?;
        if u32::from_le_bytes(field(bytes, header)?) == PT_INTERP {
            return Err(Error::DynamicallyLinked);
        }
    }
    Ok(architecture)
}

fn field<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Error> {
    let end = offset.checked_add(N).ok_or(Error::Truncated)?;
    bytes
        .get(offset..end)
        .and_then(|slice| slice.try_into().ok())
        .ok_or(Error::Truncated)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The headers of a program with the given segments; enough for everything that reads only headers.
    pub(in crate::images) fn program(machine: u16, segments: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(MAGIC_64_LITTLE_ENDIAN);
        bytes[E_TYPE..E_TYPE + 2].copy_from_slice(&ET_DYN.to_le_bytes());
        bytes[E_MACHINE..E_MACHINE + 2].copy_from_slice(&machine.to_le_bytes());
        bytes[E_PHOFF..E_PHOFF + 8].copy_from_slice(&64_u64.to_le_bytes());
        bytes[E_PHENTSIZE..E_PHENTSIZE + 2].copy_from_slice(&56_u16.to_le_bytes());
        let count = u16::try_from(segments.len()).expect("few segments");
        bytes[E_PHNUM..E_PHNUM + 2].copy_from_slice(&count.to_le_bytes());
        for segment in segments {
            bytes.extend_from_slice(&segment.to_le_bytes());
            bytes.extend_from_slice(&[0; 52]);
        }
        bytes
    }

    /// The `e_machine` of this machine, and of the other supported one.
    pub(in crate::images) fn host_and_foreign_machine() -> (u16, u16) {
        match Architecture::host().expect("a supported machine") {
            Architecture::Amd64 => (EM_X86_64, EM_AARCH64),
            Architecture::Arm64 => (EM_AARCH64, EM_X86_64),
        }
    }

    #[test]
    fn names_the_architecture_of_a_static_program() {
        assert_eq!(
            static_program(&program(EM_X86_64, &[1, 2])),
            Ok(Architecture::Amd64)
        );
        assert_eq!(
            static_program(&program(EM_AARCH64, &[1])),
            Ok(Architecture::Arm64)
        );
    }

    #[test]
    fn refuses_what_cannot_run_alone() {
        assert_eq!(
            static_program(&program(EM_X86_64, &[1, PT_INTERP])),
            Err(Error::DynamicallyLinked)
        );
        assert_eq!(
            static_program(&program(8, &[1])),
            Err(Error::UnsupportedMachine(8))
        );
        assert_eq!(static_program(b"#!/bin/sh\n"), Err(Error::NotElf));
        let whole = program(EM_X86_64, &[1, 1]);
        assert_eq!(static_program(&whole[..80]), Err(Error::Truncated));
    }

    #[test]
    fn a_program_of_the_distribution_is_seen_as_dynamic() {
        let bytes = std::fs::read("/bin/sh").expect("a shell");
        assert_eq!(static_program(&bytes), Err(Error::DynamicallyLinked));
    }
}
