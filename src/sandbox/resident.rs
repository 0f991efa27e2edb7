//! The memory that this program's own file takes.

use nix::libc::{self, Elf64_Phdr, PF_W, PT_LOAD, PT_PHDR};

/// Unmaps the read-only pages of this program's file. Those in use come back from the page cache at the next touch,
/// within a microsecond each.
///
/// Starting touches a little of everything, and the kernel maps sixteen pages or more around each touch ("fault-around"),
/// most of which are never used: ten megabytes in a process that then idles on one.
pub fn release_program_pages() {
    let page = page_size();
    for (start, length) in read_only_segments() {
        let first = start.next_multiple_of(page);
        let end = (start + length) / page * page;
        if first < end {
            // SAFETY: the range is a part of a segment that the loader mapped privately from the program's file without
            // the right to write, so no page of it differs from the file: dropping one loses nothing. (What the loader
            // relocates lies in a writable segment, which is left alone.)
            unsafe { libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_DONTNEED) };
        }
    }
}

/// Address and length of what the program's headers say is loaded and never written (elf(5)).
fn read_only_segments() -> Vec<(usize, usize)> {
    let headers = program_headers();
    let Some(base) = headers
        .iter()
        .find(|header| header.p_type == PT_PHDR)
        .map(|header| (headers.as_ptr() as usize).wrapping_sub(header.p_vaddr as usize))
    else {
        return Vec::new();
    };
    let read_only = headers
        .iter()
        .filter(|header| header.p_type == PT_LOAD && header.p_flags & PF_W == 0);
    read_only
        .map(|header| {
            (
                base.wrapping_add(header.p_vaddr as usize),
                header.p_filesz as usize,
            )
        })
        .collect()
}

fn program_headers() -> &'static [Elf64_Phdr] {
    // SAFETY: getauxval only reads what the kernel gave this process at its start (getauxval(3)).
    let (address, count) = unsafe {
        (
            libc::getauxval(libc::AT_PHDR),
            libc::getauxval(libc::AT_PHNUM),
        )
    };
    if address == 0 {
        return &[];
    }
    // SAFETY: the kernel gives the address and the number of the program's headers, which stay mapped, aligned and
    // unchanged as long as the process lives.
    unsafe { std::slice::from_raw_parts(address as *const Elf64_Phdr, count as usize) }
}

fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_goes_on_after_its_pages_were_released() {
        assert!(!read_only_segments().is_empty());
        release_program_pages();
        assert_eq!("still".to_owned() + " here", "still here");
    }

    #[test]
    fn the_segments_hold_this_very_code() {
        let here = release_program_pages as *const () as usize;
        assert!(
            read_only_segments()
                .iter()
                .any(|(start, length)| (*start..start + length).contains(&here))
        );
    }
}
