//! seccomp: puts the system call filter in place that the runner compiled for a command.

use seccompiler::sock_filter;
use serde::{Deserialize, Serialize};

use crate::outcome::SandboxError;

/// A filter as it travels: each of its instructions as one number, in the order of the kernel's `struct sock_filter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Filter(Vec<u64>);

impl From<&[sock_filter]> for Filter {
    fn from(program: &[sock_filter]) -> Self {
        let packed = |one: &sock_filter| {
            u64::from(one.code) << 48 | u64::from(one.jt) << 40 | u64::from(one.jf) << 32 | u64::from(one.k)
        };
        Self(program.iter().map(packed).collect())
    }
}

impl Filter {
    /// Puts it over this process and all it starts.
    pub(crate) fn install(&self) -> Result<(), SandboxError> {
        let program: Vec<sock_filter> = self.0.iter().copied().map(unpacked).collect();
        seccompiler::apply_filter(&program).map_err(|error| SandboxError {
            layer: "seccomp".into(),
            what: format!("install the filter: {error}"),
            hint: "run `autopilot doctor`: it says whether this kernel has system call filters".into(),
        })
    }
}

fn unpacked(one: u64) -> sock_filter {
    let [c1, c0, jt, jf, k3, k2, k1, k0] = one.to_be_bytes();
    sock_filter { code: u16::from_be_bytes([c1, c0]), jt, jf, k: u32::from_be_bytes([k3, k2, k1, k0]) }
}

/// Tells whether filters are to be had: one that allows everything is put over this thread.
pub(crate) fn probe() -> bool {
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const ALLOW: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW
    let all = [sock_filter { code: RETURN, jt: 0, jf: 0, k: ALLOW }];
    seccompiler::apply_filter(&all).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_an_instruction_survives_its_journey() {
        let program = [
            sock_filter { code: 0x8001, jt: 0xfe, jf: 0x03, k: 0x8000_0001 },
            sock_filter { code: 0x06, jt: 0, jf: 255, k: u32::MAX },
        ];
        let text = serde_json::to_string(&Filter::from(&program[..])).unwrap();
        let back: Filter = serde_json::from_str(&text).unwrap();
        let back: Vec<sock_filter> = back.0.into_iter().map(unpacked).collect();
        assert_eq!(format!("{back:?}"), format!("{program:?}"));
    }
}
