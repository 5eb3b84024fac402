//! What the step's own namespaces hold in memory that is in no process's resident set: the files of /dev/shm, the
//! shared memory, messages and semaphores of System V, and what waits in sockets.

use crate::mounts::SHM;
use crate::procfs;

/// What the kernel keeps for a semaphore, and for a message on top of its text, in bytes.
const KEPT: u64 = 64;

/// What the kernel keeps for a file in memory however empty it is, in bytes; measured: 1.7 KiB.
const FILE: u64 = 2 << 10;

/// Most and fewest files of /dev/shm.
const FILES: std::ops::RangeInclusive<u64> = 1 << 10..=64 << 10;

/// Returns how many files /dev/shm may have under a limit of memory.
pub(crate) fn inodes(memory: u64) -> u64 {
    (memory / FILE).clamp(*FILES.start(), *FILES.end())
}

/// The tables of System V objects: what is multiplied by what and summed.
const TABLES: [(&str, &[(&str, u64)]); 3] = [
    ("sysvipc/shm", &[("rss", 1), ("swap", 1)]),
    ("sysvipc/msg", &[("cbytes", 1), ("qnum", KEPT)]),
    ("sysvipc/sem", &[("nsems", KEPT)]),
];

/// Returns the sum in bytes. What a process has mapped of it is in that process's resident set as well: counted twice
/// rather than not at all.
pub(crate) fn held() -> u64 {
    let files = rustix::fs::statvfs(SHM).map_or(0, |stat| {
        let pages = stat.f_blocks.saturating_sub(stat.f_bfree) * stat.f_frsize;
        pages + stat.f_files.saturating_sub(stat.f_ffree) * FILE
    });
    // A kernel without System V's objects has no such table.
    let objects = TABLES.iter().map(|(path, columns)| sum(&procfs::text(path).unwrap_or_default(), columns));
    files + objects.sum::<u64>()
}

/// Returns the same, and what the sockets of a network namespace of the step's own hold that no control group counts.
/// Those of TCP, whose table costs milliseconds, one does.
pub(crate) fn held_with_sockets() -> u64 {
    let table = |name: &str| procfs::text(&format!("net/{name}")).unwrap_or_default();
    let netlink = sum(&table("netlink"), &[("Rmem", 1), ("Wmem", 1)]);
    held() + netlink + queues(&table("udp")) + queues(&table("udp6"))
}

/// Adds up what waits in the sockets of UDP: `tx:rx` in the fifth column, in hexadecimal.
fn queues(table: &str) -> u64 {
    let row = |line: &str| -> Option<u64> {
        let (sent, received) = line.split_ascii_whitespace().nth(4)?.split_once(':')?;
        Some(u64::from_str_radix(sent, 16).ok()? + u64::from_str_radix(received, 16).ok()?)
    };
    table.lines().skip(1).filter_map(row).sum()
}

/// Adds up columns of a table whose first line names them.
fn sum(table: &str, columns: &[(&str, u64)]) -> u64 {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split_ascii_whitespace().collect();
    let weights: Vec<u64> = names
        .iter()
        .map(|name| columns.iter().find(|(column, _)| column == name).map_or(0, |(_, weight)| *weight))
        .collect();
    // A key may be negative; no column that counts is.
    let row = |line: &str| -> u64 {
        let cells = line.split_ascii_whitespace().zip(&weights).filter(|(_, weight)| **weight > 0);
        cells.map(|(cell, weight)| cell.parse::<u64>().unwrap_or(0) * weight).sum()
    };
    lines.map(row).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_summed_by_the_names_of_its_columns() {
        let table = "       key      msqid perms      cbytes       qnum lspid\n\
                     \x20        0          0   600       16384          2  4077\n\
                     \x20-7654321          1   600          10          1     0\n";
        assert_eq!(sum(table, &[("cbytes", 1), ("qnum", 64)]), 16384 + 2 * 64 + 10 + 64);
        assert_eq!(sum("", &[("cbytes", 1)]), 0);
    }

    #[test]
    fn what_waits_in_sockets_is_summed() {
        let udp = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n\
                   16086: 0100007F:C958 00000000:0000 07 00000010:00000A00 00:00000000 00000000 0\n\
                   16087: 0100007F:C959 00000000:0000 07 00000000:00000001 00:00000000 00000000 0\n";
        assert_eq!(queues(udp), 0x10 + 0xa00 + 1);
        let netlink =
            "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n00ff 0 77 00000000 768 1 0 2 0 1\n";
        assert_eq!(sum(netlink, &[("Rmem", 1), ("Wmem", 1)]), 769);
    }

    #[test]
    fn the_number_of_files_follows_the_memory() {
        assert_eq!([inodes(0), inodes(16 << 20), inodes(u64::MAX)], [1 << 10, 8 << 10, 64 << 10]);
    }

    #[test]
    fn this_kernel_names_the_columns_so() {
        let netlink = ("net/netlink", &[("Rmem", 1), ("Wmem", 1)][..]);
        for (path, columns) in TABLES.into_iter().chain([netlink]) {
            let Some(table) = procfs::text(path) else { continue };
            let names: Vec<&str> = table.lines().next().unwrap().split_ascii_whitespace().collect();
            assert!(columns.iter().all(|(column, _)| names.contains(column)), "{path}: {names:?}");
        }
    }
}
