//! What is mapped where: unwinding through it, and the names of its functions.
//!
//! Programs and libraries have unwind tables and symbols; code that was compiled at run time, which is policies, has
//! neither and keeps frame pointers.
//!
//! Source: proc_pid_maps(5); System V ABI, ELF.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::{fs, io};

use framehop::{
    CacheNative, ExplicitModuleSectionInfo, MayAllocateDuringUnwind, Module, UnwindRegsNative, Unwinder as _,
    UnwinderNative,
};
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSection as _, ReadCache};

use super::stack::Raw;

/// The file of this program, also when it was replaced or removed.
const PROGRAM: &str = "/proc/self/exe";

/// Deepest stack that is followed.
const FRAMES_MAX: usize = 256;

/// Largest unwind table that is read, bytes; ours takes some megabytes.
const TABLE_BYTES_MAX: u64 = 256 << 20;

/// Code that the process may run, as it was when the profile began.
pub(super) struct Modules {
    unwinder: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
    /// The program itself comes first, as `go tool pprof` wants it.
    pub(super) mapped: Vec<Mapped>,
}

/// Executable memory.
pub(super) struct Mapped {
    pub(super) range: Range<u64>,
    pub(super) offset: u64,
    /// A file, or a name of the kernel's in brackets, or nothing.
    pub(super) path: String,
    /// What is added to addresses of the file.
    bias: u64,
}

impl Modules {
    /// Reads what is mapped now. A file that cannot be read is left out: stacks end in it.
    pub(super) fn read() -> io::Result<Self> {
        let mut mapped = Mapped::all()?;
        mapped.sort_by_key(|mapped| !mapped.is_program());
        let mut unwinder = UnwinderNative::new();
        for one in &mut mapped {
            if let Some(module) = one.module() {
                unwinder.add_module(module);
            }
        }
        Ok(Self { unwinder, cache: CacheNative::new(), mapped })
    }

    /// The instruction and those that called it, innermost first. Return addresses are those of the call.
    pub(super) fn stack(&mut self, raw: &Raw) -> Vec<u64> {
        let [pc, sp, fp, lr] = raw.registers;
        #[cfg(target_arch = "x86_64")]
        let (registers, _) = (UnwindRegsNative::new(pc, sp, fp), lr);
        #[cfg(target_arch = "aarch64")]
        let registers = UnwindRegsNative::new(lr, sp, fp);
        let mut read = |address| raw.word(address);
        let mut frames = self.unwinder.iter_frames(pc, registers, &mut self.cache, &mut read);
        let mut stack = Vec::new();
        while stack.len() < FRAMES_MAX
            && let Ok(Some(frame)) = frames.next()
        {
            stack.push(frame.address_for_lookup());
        }
        stack
    }

    /// Adds what was mapped since, so that it has a name: policies are compiled while the program runs.
    pub(super) fn look_again(&mut self) -> io::Result<()> {
        let known =
            |range: &Range<u64>| self.mapped.iter().any(|m| m.range.start < range.end && range.start < m.range.end);
        let new: Vec<_> = Mapped::all()?.into_iter().filter(|mapped| !known(&mapped.range)).collect();
        self.mapped.extend(new);
        Ok(())
    }

    /// Where `address` is mapped.
    pub(super) fn position(&self, address: u64) -> Option<usize> {
        self.mapped.iter().position(|mapped| mapped.range.contains(&address))
    }

    /// The names of functions at these addresses.
    pub(super) fn names(&self, addresses: &[u64]) -> HashMap<u64, String> {
        let mut names = HashMap::new();
        for (i, mapped) in self.mapped.iter().enumerate() {
            let inside = || addresses.iter().copied().filter(|address| self.position(*address) == Some(i));
            let found = if inside().next().is_some() { mapped.symbols(inside()) } else { HashMap::new() };
            names.extend(inside().map(|address| (address, mapped.unnamed())));
            names.extend(found);
        }
        names
    }
}

impl Mapped {
    /// All executable memory.
    fn all() -> io::Result<Vec<Self>> {
        Ok(fs::read_to_string("/proc/self/maps")?.lines().filter_map(Self::parse).collect())
    }

    /// A line of the kernel's, if it is of executable memory.
    fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split_ascii_whitespace();
        let (start, end) = columns.next()?.split_once('-')?;
        let rights = columns.next()?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let offset = number(columns.next()?)?;
        let path = columns.skip(2).collect::<Vec<_>>().join(" ");
        let range = number(start)?..number(end)?;
        rights.contains('x').then_some(Self { range, offset, path, bias: 0 })
    }

    /// What a function is called of which nothing is known.
    fn unnamed(&self) -> String {
        match self.path.as_str() {
            "" => "[policy]".to_owned(),
            path => format!("[{}]", path.rsplit('/').next().unwrap_or(path).trim_matches(['[', ']'])),
        }
    }

    /// The file, also when it was replaced since.
    fn open(&self) -> Option<File> {
        if !self.path.starts_with('/') {
            return None;
        }
        File::open(if self.is_program() { PROGRAM } else { &self.path }).ok()
    }

    fn is_program(&self) -> bool {
        fs::read_link(PROGRAM).is_ok_and(|link| link.as_os_str() == self.path.as_str())
    }

    /// Unwind tables of the file; learns where it was mapped to.
    fn module(&mut self) -> Option<Module<Vec<u8>>> {
        let cache = ReadCache::new(self.open()?);
        let file = ElfFile64::<Endianness, _>::parse(&cache).ok()?;
        let endian = file.endian();
        let is_code = |kind, flags| kind == object::elf::PT_LOAD && flags & object::elf::PF_X != 0;
        let headers = file.elf_program_headers().iter();
        let mut segments = headers.filter(|header| is_code(header.p_type(endian), header.p_flags(endian)));
        let segment = segments.find(|header| {
            let (start, length) = header.file_range(endian);
            start.saturating_add(length) > self.offset && start < self.offset.saturating_add(self.length())
        })?;
        let at = segment.p_vaddr(endian).wrapping_sub(segment.p_offset(endian)).wrapping_add(self.offset);
        self.bias = self.range.start.wrapping_sub(at);
        let section = |name: &str| {
            let section = file.section_by_name(name).filter(|section| section.size() <= TABLE_BYTES_MAX)?;
            Some((section.address()..section.address().checked_add(section.size())?, section.data().ok()?.to_vec()))
        };
        let (eh_frame_svma, eh_frame) = section(".eh_frame").unzip();
        let (eh_frame_hdr_svma, eh_frame_hdr) = section(".eh_frame_hdr").unzip();
        let text_svma = file.section_by_name(".text").map(|text| text.address()..text.address() + text.size());
        let tables = ExplicitModuleSectionInfo {
            text_svma,
            eh_frame_svma,
            eh_frame,
            eh_frame_hdr_svma,
            eh_frame_hdr,
            ..ExplicitModuleSectionInfo::default()
        };
        Some(Module::new(self.path.clone(), self.range.clone(), self.bias, tables))
    }

    fn length(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Names of functions at these addresses, as far as the file tells.
    fn symbols(&self, addresses: impl Iterator<Item = u64>) -> HashMap<u64, String> {
        let Some(file) = self.open() else { return HashMap::new() };
        let cache = ReadCache::new(file);
        let Ok(file) = ElfFile64::<Endianness, _>::parse(&cache) else { return HashMap::new() };
        let symbols = file.symbol_map();
        let named = addresses.filter_map(|address| {
            let symbol = symbols.containing(address.wrapping_sub(self.bias))?;
            Some((address, format!("{:#}", rustc_demangle::demangle(symbol.name()))))
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let line = "55d0a000-55d0b000 r-xp 00002000 fe:00 1234                       /usr/bin/a b";
        let mapped = Mapped::parse(line).unwrap();
        assert_eq!((mapped.range, mapped.offset), (0x55d0_a000..0x55d0_b000, 0x2000));
        assert_eq!(mapped.path, "/usr/bin/a b");
        assert!(Mapped::parse("55d0a000-55d0b000 rw-p 00002000 fe:00 1234 /usr/bin/a").is_none());
        for (line, name) in [
            ("1000-2000 r-xp 0 00:00 0", "[policy]"),
            ("1000-2000 r-xp 0 00:00 0   [vdso]", "[vdso]"),
            ("1000-2000 r-xp 0 00:00 0   /lib/libc.so.6", "[libc.so.6]"),
        ] {
            assert_eq!(Mapped::parse(line).unwrap().unnamed(), name);
        }
        for line in ["", "x", "1000", "1000-x r-xp 0", "1000-2000 r-xp"] {
            assert!(Mapped::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_function_of_this_program_has_its_name() {
        let modules = Modules::read().unwrap();
        let function: fn() = lines_of_the_kernel_are_read;
        let address = function as usize as u64;
        assert!(modules.position(address).is_some());
        let names = modules.names(&[address, 8]);
        assert!(names[&address].ends_with("lines_of_the_kernel_are_read"), "{names:?}");
        assert_eq!(names.len(), 1);
    }
}
