/* Writes down what a process does to the files below a folder, so that a disk can be made later that forgot some of it.
 *
 * LD_PRELOAD it, with RECORDED_FOLDER (no symbolic links in it) and RECORDED_LOG (outside of it) in the environment.
 * Each event is one write(2) at the end of the log, by which events of several processes keep whole and in order: a
 * `struct event`, then its data. An event is written down when it is over; a sync says how long the log was as it
 * began, since only what was over by then is on disk for sure.
 *
 * Source: https://man7.org/linux/man-pages/man8/ld.so.8.html (LD_PRELOAD), man2/fsync.2.html, man2/write.2.html
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITTEN = 1, SIZED, SYNCED, NAMED, MOVED, GONE, FOLDER };

struct event {
    uint32_t kind;
    uint32_t length; /* bytes of data behind this */
    uint64_t file;   /* the file's inode, 0 where a name says all */
    uint64_t place;  /* where a write begins, a size, or the length of the log as a sync began */
};

static int log_ = -1;
static char folder[PATH_MAX];
static size_t folder_length;
static dev_t device;

/* The function of that name that a program would have without us. */
#define REAL(result, name, ...)                                                   \
    static result (*real)(__VA_ARGS__);                                           \
    if (!real)                                                                    \
        real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("RECORDED_FOLDER"), *to = getenv("RECORDED_LOG");
    struct stat found;
    if (!where || !to || stat(where, &found) || strlen(where) >= sizeof folder)
        return;
    strcpy(folder, where);
    folder_length = strlen(folder);
    device = found.st_dev;
    int opened = syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* Far from the numbers that programs count on. */
    log_ = fcntl(opened, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, opened);
    if (log_ < 0) {
        fputs("recorder: the log cannot be opened\n", stderr);
        abort();
    }
}

static void tell(uint32_t kind, uint64_t file, uint64_t place, const void *data, size_t length) {
    int kept = errno;
    struct event event = {kind, (uint32_t)length, file, place};
    struct iovec parts[2] = {{&event, sizeof event}, {(void *)data, length}};
    ssize_t whole = (ssize_t)(sizeof event + length);
    if (length > UINT32_MAX || syscall(SYS_writev, log_, parts, length ? 2 : 1) != whole) {
        fputs("recorder: an event cannot be written down\n", stderr);
        abort();
    }
    errno = kept;
}

static int is_ours(const char *path) {
    size_t length = strlen(path);
    return log_ >= 0 && !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]) &&
           /* What is mapped and shared does not outlive the machine. */
           !(length > 4 && !strcmp(path + length - 4, "-shm"));
}

/* The inode of an open file or folder that is ours, else 0. */
static uint64_t file_of(int descriptor) {
    char link[64], path[PATH_MAX];
    struct stat found;
    if (log_ < 0 || syscall(SYS_fstat, descriptor, &found) || found.st_dev != device)
        return 0;
    if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_ours(path) ? found.st_ino : 0;
}

/* The whole path of a name beside an open folder; whether it is ours. */
static int whole(int beside, const char *name, char *path) {
    char link[64];
    size_t length = 0;
    if (name[0] != '/') {
        if (beside == AT_FDCWD) {
            if (!getcwd(path, PATH_MAX))
                return 0;
            length = strlen(path);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", beside);
            ssize_t found = readlink(link, path, PATH_MAX - 1);
            if (found < 0)
                return 0;
            length = (size_t)found;
        }
        path[length++] = '/';
    }
    if (length + strlen(name) >= PATH_MAX)
        return 0;
    strcpy(path + length, name);
    return is_ours(path);
}

static void opened(int beside, const char *name, int flags, int descriptor) {
    int kept = errno;
    char path[PATH_MAX];
    struct stat found;
    if (descriptor >= 0 && log_ >= 0 && (flags & (O_CREAT | O_TRUNC)) && whole(beside, name, path) &&
        !syscall(SYS_fstat, descriptor, &found)) {
        if (flags & O_CREAT)
            tell(NAMED, found.st_ino, 0, path, strlen(path));
        if (flags & O_TRUNC)
            tell(SIZED, found.st_ino, 0, NULL, 0);
    }
    errno = kept;
}

#define MODE                                                                      \
    mode_t mode = 0;                                                              \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                        \
        va_list more;                                                             \
        va_start(more, flags);                                                    \
        mode = va_arg(more, mode_t);                                              \
        va_end(more);                                                             \
    }

#define OPEN(name_)                                                               \
    int name_(const char *path, int flags, ...) {                                 \
        MODE REAL(int, #name_, const char *, int, ...);                           \
        int descriptor = real(path, flags, mode);                                 \
        opened(AT_FDCWD, path, flags, descriptor);                                \
        return descriptor;                                                        \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name_)                                                             \
    int name_(int beside, const char *path, int flags, ...) {                     \
        MODE REAL(int, #name_, int, const char *, int, ...);                      \
        int descriptor = real(beside, path, flags, mode);                         \
        opened(beside, path, flags, descriptor);                                  \
        return descriptor;                                                        \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int descriptor, const void *data, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    ssize_t done = real(descriptor, data, length);
    uint64_t file;
    if (done > 0 && (file = file_of(descriptor))) {
        off_t end = lseek(descriptor, 0, SEEK_CUR);
        tell(WRITTEN, file, (uint64_t)(end - done), data, (size_t)done);
    }
    return done;
}

#define PWRITE(name_)                                                             \
    ssize_t name_(int descriptor, const void *data, size_t length, off_t place) { \
        REAL(ssize_t, #name_, int, const void *, size_t, off_t);                  \
        ssize_t done = real(descriptor, data, length, place);                     \
        uint64_t file;                                                            \
        if (done > 0 && (file = file_of(descriptor)))                             \
            tell(WRITTEN, file, (uint64_t)place, data, (size_t)done);             \
        return done;                                                              \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define TRUNCATE(name_)                                                           \
    int name_(int descriptor, off_t size) {                                       \
        REAL(int, #name_, int, off_t);                                            \
        int failed = real(descriptor, size);                                      \
        uint64_t file;                                                            \
        if (!failed && (file = file_of(descriptor)))                              \
            tell(SIZED, file, (uint64_t)size, NULL, 0);                           \
        return failed;                                                            \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define SYNC(name_)                                                               \
    int name_(int descriptor) {                                                   \
        REAL(int, #name_, int);                                                   \
        uint64_t file = file_of(descriptor);                                      \
        off_t before = file ? lseek(log_, 0, SEEK_END) : 0;                       \
        int failed = real(descriptor);                                            \
        if (!failed && file)                                                      \
            tell(SYNCED, file, (uint64_t)before, NULL, 0);                        \
        return failed;                                                            \
    }
SYNC(fsync)
SYNC(fdatasync)

static void moved(int from, const char *old, int to, const char *new) {
    char paths[2 * PATH_MAX];
    if (log_ < 0 || !whole(from, old, paths))
        return;
    size_t length = strlen(paths) + 1;
    if (whole(to, new, paths + length))
        tell(MOVED, 0, 0, paths, length + strlen(paths + length));
}

int rename(const char *old, const char *new) {
    REAL(int, "rename", const char *, const char *);
    int failed = real(old, new);
    if (!failed)
        moved(AT_FDCWD, old, AT_FDCWD, new);
    return failed;
}

int renameat(int from, const char *old, int to, const char *new) {
    REAL(int, "renameat", int, const char *, int, const char *);
    int failed = real(from, old, to, new);
    if (!failed)
        moved(from, old, to, new);
    return failed;
}

static void gone(int beside, const char *name) {
    char path[PATH_MAX];
    if (log_ >= 0 && whole(beside, name, path))
        tell(GONE, 0, 0, path, strlen(path));
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    int failed = real(path);
    if (!failed)
        gone(AT_FDCWD, path);
    return failed;
}

int unlinkat(int beside, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    int failed = real(beside, path, flags);
    if (!failed)
        gone(beside, path);
    return failed;
}

int rmdir(const char *path) {
    REAL(int, "rmdir", const char *);
    int failed = real(path);
    if (!failed)
        gone(AT_FDCWD, path);
    return failed;
}

static void made(int beside, const char *name) {
    char path[PATH_MAX];
    struct stat found;
    if (log_ >= 0 && whole(beside, name, path) && !stat(path, &found))
        tell(FOLDER, found.st_ino, 0, path, strlen(path));
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    int failed = real(path, mode);
    if (!failed)
        made(AT_FDCWD, path);
    return failed;
}

int mkdirat(int beside, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    int failed = real(beside, path, mode);
    if (!failed)
        made(beside, path);
    return failed;
}
