//! The functions of WASI 0.1 for a module that can use sockets: those on sockets are answered here, the rest is handed to
//! wasmtime's own with the number of the descriptor shifted.

use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p1::types;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1;
use wiggle::{GuestMemory, GuestPtr};

use super::P1;

type Result<T> = std::result::Result<T, types::Error>;

impl WasiSnapshotPreview1 for P1 {
    fn set_hostcall_fuel(&mut self, fuel: usize) {
        self.wasi.set_hostcall_fuel(fuel);
    }

    async fn fd_read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        iovs: types::IovecArray,
    ) -> Result<types::Size> {
        match self.sockets.get(fd) {
            Some(socket) => socket.clone().receive(memory, iovs, false).await,
            None => {
                self.wasi
                    .fd_read(memory, self.sockets.inner(fd)?, iovs)
                    .await
            }
        }
    }

    async fn fd_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        ciovs: types::CiovecArray,
    ) -> Result<types::Size> {
        match self.sockets.get(fd) {
            Some(socket) => socket.clone().send(memory, ciovs).await,
            None => {
                self.wasi
                    .fd_write(memory, self.sockets.inner(fd)?, ciovs)
                    .await
            }
        }
    }

    async fn fd_close(&mut self, memory: &mut GuestMemory<'_>, fd: types::Fd) -> Result<()> {
        match self.sockets.remove(fd) {
            Some(_) => Ok(()),
            None => self.wasi.fd_close(memory, self.sockets.inner(fd)?).await,
        }
    }

    async fn fd_fdstat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
    ) -> Result<types::Fdstat> {
        match self.sockets.get(fd) {
            Some(socket) => Ok(socket.fdstat()),
            None => {
                self.wasi
                    .fd_fdstat_get(memory, self.sockets.inner(fd)?)
                    .await
            }
        }
    }

    fn fd_fdstat_set_flags(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        flags: types::Fdflags,
    ) -> Result<()> {
        match self.sockets.get_mut(fd) {
            Some(socket) => {
                socket.nonblocking = flags.contains(types::Fdflags::NONBLOCK);
                Ok(())
            }
            None => self
                .wasi
                .fd_fdstat_set_flags(memory, self.sockets.inner(fd)?, flags),
        }
    }

    async fn fd_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
    ) -> Result<types::Filestat> {
        match self.sockets.get(fd) {
            Some(_) => Ok(super::socket::filestat()),
            None => {
                self.wasi
                    .fd_filestat_get(memory, self.sockets.inner(fd)?)
                    .await
            }
        }
    }

    /// A library looks for preopened directories from descriptor 3 upwards and stops at the first that is none. Listeners
    /// lie there, so they pass for directories of a name nobody asks for.
    fn fd_prestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
    ) -> Result<types::Prestat> {
        match self.sockets.stand_in(fd) {
            Some(name) => Ok(types::Prestat::Dir(types::PrestatDir {
                pr_name_len: name.len() as u32,
            })),
            None => self.wasi.fd_prestat_get(memory, self.sockets.inner(fd)?),
        }
    }

    fn fd_prestat_dir_name(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        path: GuestPtr<u8>,
        path_max_len: types::Size,
    ) -> Result<()> {
        let Some(name) = self.sockets.stand_in(fd) else {
            return self.wasi.fd_prestat_dir_name(
                memory,
                self.sockets.inner(fd)?,
                path,
                path_max_len,
            );
        };
        if name.len() as u32 > path_max_len {
            return Err(types::Errno::Nametoolong.into());
        }
        memory.copy_from_slice(name.as_bytes(), path.as_array(name.len() as u32))?;
        Ok(())
    }

    async fn fd_renumber(
        &mut self,
        memory: &mut GuestMemory<'_>,
        from: types::Fd,
        to: types::Fd,
    ) -> Result<()> {
        match (
            self.sockets.get(from).is_some(),
            self.sockets.get(to).is_some(),
        ) {
            (true, true) => {
                self.sockets.renumber(from, to);
                Ok(())
            }
            (false, false) => {
                self.wasi
                    .fd_renumber(memory, self.sockets.inner(from)?, self.sockets.inner(to)?)
                    .await
            }
            // Files and sockets are numbered apart.
            _ => Err(types::Errno::Notsup.into()),
        }
    }

    async fn path_open(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        dirflags: types::Lookupflags,
        path: GuestPtr<str>,
        oflags: types::Oflags,
        rights: types::Rights,
        inheriting: types::Rights,
        fdflags: types::Fdflags,
    ) -> Result<types::Fd> {
        let dirfd = self.sockets.inner(dirfd)?;
        let opened = self
            .wasi
            .path_open(
                memory, dirfd, dirflags, path, oflags, rights, inheriting, fdflags,
            )
            .await?;
        Ok(self.sockets.outer(opened))
    }

    async fn poll_oneoff(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subs: GuestPtr<types::Subscription>,
        events: GuestPtr<types::Event>,
        nsubscriptions: types::Size,
    ) -> Result<types::Size> {
        self.poll(
            memory,
            subs.as_array(nsubscriptions),
            events.as_array(nsubscriptions),
        )
        .await
    }

    fn proc_exit(&mut self, _: &mut GuestMemory<'_>, status: types::Exitcode) -> wasmtime::Error {
        I32Exit((status & 0xff) as i32).into()
    }

    // The trait has no room for waiting in these; `super::add_to_linker` puts others in their place.
    fn sock_accept(
        &mut self,
        _: &mut GuestMemory<'_>,
        _: types::Fd,
        _: types::Fdflags,
    ) -> Result<types::Fd> {
        Err(types::Errno::Notsup.into())
    }

    fn sock_recv(
        &mut self,
        _: &mut GuestMemory<'_>,
        _: types::Fd,
        _: types::IovecArray,
        _: types::Riflags,
    ) -> Result<(types::Size, types::Roflags)> {
        Err(types::Errno::Notsup.into())
    }

    fn sock_send(
        &mut self,
        _: &mut GuestMemory<'_>,
        _: types::Fd,
        _: types::CiovecArray,
        _: types::Siflags,
    ) -> Result<types::Size> {
        Err(types::Errno::Notsup.into())
    }

    fn sock_shutdown(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: types::Fd,
        how: types::Sdflags,
    ) -> Result<()> {
        match self.sockets.get(fd) {
            Some(socket) => socket.shutdown(how),
            None => {
                self.sockets.inner(fd)?;
                Err(types::Errno::Notsock.into())
            }
        }
    }

    // What follows knows no sockets.

    fn args_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        argv: GuestPtr<GuestPtr<u8>>,
        argv_buf: GuestPtr<u8>,
    ) -> Result<()> {
        self.wasi.args_get(memory, argv, argv_buf)
    }

    fn args_sizes_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
    ) -> Result<(types::Size, types::Size)> {
        self.wasi.args_sizes_get(memory)
    }

    fn environ_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        environ: GuestPtr<GuestPtr<u8>>,
        environ_buf: GuestPtr<u8>,
    ) -> Result<()> {
        self.wasi.environ_get(memory, environ, environ_buf)
    }

    fn environ_sizes_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
    ) -> Result<(types::Size, types::Size)> {
        self.wasi.environ_sizes_get(memory)
    }

    fn clock_res_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        id: types::Clockid,
    ) -> Result<types::Timestamp> {
        self.wasi.clock_res_get(memory, id)
    }

    fn clock_time_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        id: types::Clockid,
        precision: types::Timestamp,
    ) -> Result<types::Timestamp> {
        self.wasi.clock_time_get(memory, id, precision)
    }

    async fn fd_advise(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        offset: types::Filesize,
        len: types::Filesize,
        advice: types::Advice,
    ) -> Result<()> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_advise(memory, fd, offset, len, advice).await
    }

    fn fd_allocate(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        offset: types::Filesize,
        len: types::Filesize,
    ) -> Result<()> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_allocate(memory, fd, offset, len)
    }

    async fn fd_datasync(&mut self, memory: &mut GuestMemory<'_>, fd: types::Fd) -> Result<()> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_datasync(memory, fd).await
    }

    fn fd_fdstat_set_rights(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        fs_rights_base: types::Rights,
        fs_rights_inheriting: types::Rights,
    ) -> Result<()> {
        let fd = self.sockets.inner(fd)?;
        self.wasi
            .fd_fdstat_set_rights(memory, fd, fs_rights_base, fs_rights_inheriting)
    }

    async fn fd_filestat_set_size(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        size: types::Filesize,
    ) -> Result<()> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_filestat_set_size(memory, fd, size).await
    }

    async fn fd_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        atim: types::Timestamp,
        mtim: types::Timestamp,
        fst_flags: types::Fstflags,
    ) -> Result<()> {
        let fd = self.sockets.inner(fd)?;
        self.wasi
            .fd_filestat_set_times(memory, fd, atim, mtim, fst_flags)
            .await
    }

    async fn fd_pread(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        iovs: types::IovecArray,
        offset: types::Filesize,
    ) -> Result<types::Size> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_pread(memory, fd, iovs, offset).await
    }

    async fn fd_pwrite(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        ciovs: types::CiovecArray,
        offset: types::Filesize,
    ) -> Result<types::Size> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_pwrite(memory, fd, ciovs, offset).await
    }

    async fn fd_seek(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        offset: types::Filedelta,
        whence: types::Whence,
    ) -> Result<types::Filesize> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_seek(memory, fd, offset, whence).await
    }

    async fn fd_sync(&mut self, memory: &mut GuestMemory<'_>, fd: types::Fd) -> Result<()> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_sync(memory, fd).await
    }

    fn fd_tell(&mut self, memory: &mut GuestMemory<'_>, fd: types::Fd) -> Result<types::Filesize> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_tell(memory, fd)
    }

    async fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        buf: GuestPtr<u8>,
        buf_len: types::Size,
        cookie: types::Dircookie,
    ) -> Result<types::Size> {
        let fd = self.sockets.inner(fd)?;
        self.wasi.fd_readdir(memory, fd, buf, buf_len, cookie).await
    }

    async fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let dirfd = self.sockets.inner(dirfd)?;
        self.wasi.path_create_directory(memory, dirfd, path).await
    }

    async fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        flags: types::Lookupflags,
        path: GuestPtr<str>,
    ) -> Result<types::Filestat> {
        let dirfd = self.sockets.inner(dirfd)?;
        self.wasi
            .path_filestat_get(memory, dirfd, flags, path)
            .await
    }

    async fn path_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        flags: types::Lookupflags,
        path: GuestPtr<str>,
        atim: types::Timestamp,
        mtim: types::Timestamp,
        fst_flags: types::Fstflags,
    ) -> Result<()> {
        let dirfd = self.sockets.inner(dirfd)?;
        self.wasi
            .path_filestat_set_times(memory, dirfd, flags, path, atim, mtim, fst_flags)
            .await
    }

    async fn path_link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_fd: types::Fd,
        src_flags: types::Lookupflags,
        src_path: GuestPtr<str>,
        target_fd: types::Fd,
        target_path: GuestPtr<str>,
    ) -> Result<()> {
        let src_fd = self.sockets.inner(src_fd)?;
        let target_fd = self.sockets.inner(target_fd)?;
        self.wasi
            .path_link(memory, src_fd, src_flags, src_path, target_fd, target_path)
            .await
    }

    async fn path_readlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        path: GuestPtr<str>,
        buf: GuestPtr<u8>,
        buf_len: types::Size,
    ) -> Result<types::Size> {
        let dirfd = self.sockets.inner(dirfd)?;
        self.wasi
            .path_readlink(memory, dirfd, path, buf, buf_len)
            .await
    }

    async fn path_remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let dirfd = self.sockets.inner(dirfd)?;
        self.wasi.path_remove_directory(memory, dirfd, path).await
    }

    async fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_fd: types::Fd,
        src_path: GuestPtr<str>,
        dest_fd: types::Fd,
        dest_path: GuestPtr<str>,
    ) -> Result<()> {
        let src_fd = self.sockets.inner(src_fd)?;
        let dest_fd = self.sockets.inner(dest_fd)?;
        self.wasi
            .path_rename(memory, src_fd, src_path, dest_fd, dest_path)
            .await
    }

    async fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_path: GuestPtr<str>,
        dirfd: types::Fd,
        dest_path: GuestPtr<str>,
    ) -> Result<()> {
        let dirfd = self.sockets.inner(dirfd)?;
        self.wasi
            .path_symlink(memory, src_path, dirfd, dest_path)
            .await
    }

    async fn path_unlink_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        let dirfd = self.sockets.inner(dirfd)?;
        self.wasi.path_unlink_file(memory, dirfd, path).await
    }

    fn proc_raise(&mut self, memory: &mut GuestMemory<'_>, sig: types::Signal) -> Result<()> {
        self.wasi.proc_raise(memory, sig)
    }

    fn sched_yield(&mut self, memory: &mut GuestMemory<'_>) -> Result<()> {
        self.wasi.sched_yield(memory)
    }

    fn random_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        buf: GuestPtr<u8>,
        buf_len: types::Size,
    ) -> Result<()> {
        self.wasi.random_get(memory, buf, buf_len)
    }
}
