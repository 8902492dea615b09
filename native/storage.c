/* The /tmp of an environment: an ext4 image of its own behind a loop device, so its size holds. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOOP_MAJOR 7
/* Each refusal means that another process took that device: as many may start at once. */
#define ATTACH_ATTEMPTS_MAX 10000

/* From the kernel's fs/ext4/ext4.h, which is not among the headers that one can include. */
#define EXT4_SHUTDOWN _IOR('X', 125, uint32_t)
#define EXT4_SHUTDOWN_WITHOUT_FLUSH 2

/*
 * Inode tables stay unwritten holes. A flush of a disk that dies with its environment buys nothing,
 * nor does writing a file out because it was renamed over another.
 */
#define EXT4_OPTIONS "noinit_itable,barrier=0,noauto_da_alloc"

struct loop_device {
  int fd;
  /* For mount(2), relative to the mount point when `made` is set. */
  char source[32];
  bool made;
};

/* A file system that cannot tell holes still gives zeros. */
static bool all_zero(const char *bytes, size_t length) {
  return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static bool copy_range(int from, int to, off_t start, off_t end) {
  char block[65536];
  for (off_t at = start; at < end;) {
    size_t wanted = end - at < (off_t)sizeof block ? (size_t)(end - at) : sizeof block;
    ssize_t got = pread(from, block, wanted, at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    if (!all_zero(block, (size_t)got)) {
      if (lseek(to, at, SEEK_SET) < 0 || !write_all(to, block, (size_t)got)) return false;
    }
    at += got;
  }
  return true;
}

static bool copy_sparse(int from, int to) {
  struct stat found;
  if (fstat(from, &found) != 0 || ftruncate(to, found.st_size) != 0) return false;
  off_t end = 0;
  while (end < found.st_size) {
    off_t start = lseek(from, end, SEEK_DATA);
    if (start < 0) return errno == ENXIO;
    end = lseek(from, start, SEEK_HOLE);
    if (end < 0 || !copy_range(from, to, start, end)) return false;
  }
  return true;
}

/* The image has a name only while it is opened: then it lives as long as it is used, no longer. */
static int make_image(const char *template, const char *image) {
  int from = open(template, O_RDONLY | O_CLOEXEC);
  if (from < 0) fail("cannot open the template %s: %s", template, strerror(errno));
  int to = open(image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (to < 0) fail("cannot make the image %s: %s", image, strerror(errno));
  if (unlink(image) != 0) fail("cannot unlink the image %s: %s", image, strerror(errno));
  if (!copy_sparse(from, to)) fail("cannot copy %s to %s: %s", template, image, strerror(errno));
  close(from);
  return to;
}

/* The kernel's own word for it: with loop.max_part set, numbers of devices go up in steps. */
static dev_t device_id(int number) {
  char path[64];
  unsigned major_number;
  unsigned minor_number;
  snprintf(path, sizeof path, "/sys/block/loop%d/dev", number);
  FILE *file = fopen(path, "re");
  int read = file == NULL ? 0 : fscanf(file, "%u:%u", &major_number, &minor_number);
  if (file != NULL) fclose(file);
  return read == 2 ? makedev(major_number, minor_number) : makedev(LOOP_MAJOR, (unsigned)number);
}

/*
 * In containers /dev often lacks the nodes of later devices: then our own is made in the folder
 * that is mounted on.
 */
static int open_device(int folder, int number, struct loop_device *device) {
  snprintf(device->source, sizeof device->source, "/dev/loop%d", number);
  device->made = false;
  device->fd = open(device->source, O_RDWR | O_CLOEXEC);
  if (device->fd >= 0 || errno != ENOENT) return device->fd;
  snprintf(device->source, sizeof device->source, "loop%d", number);
  if (mknodat(folder, device->source, S_IFBLK | 0600, device_id(number)) != 0) return -1;
  device->made = true;
  device->fd = openat(folder, device->source, O_RDWR | O_CLOEXEC);
  return device->fd;
}

static void drop_node(int folder, const struct loop_device *device) {
  int error = errno;
  if (device->made) unlinkat(folder, device->source, 0);
  errno = error;
}

/* The kernel names a free device, and another process may be quicker: then it names the next. */
static struct loop_device attach(int folder, int image) {
  struct loop_config config = {.fd = (uint32_t)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) fail("cannot open /dev/loop-control: %s", strerror(errno));
  for (int attempt = 0; attempt < ATTACH_ATTEMPTS_MAX; attempt++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) fail("cannot get a free loop device: %s", strerror(errno));
    struct loop_device device;
    if (open_device(folder, number, &device) >= 0) {
      if (ioctl(device.fd, LOOP_CONFIGURE, &config) == 0) {
        close(control);
        return device;
      }
      int error = errno;
      close(device.fd);
      errno = error;
    }
    drop_node(folder, &device);
    if (errno != EBUSY && errno != ENXIO && errno != EEXIST) {
      fail("cannot use loop device %d: %s", number, strerror(errno));
    }
    sched_yield();
  }
  fail("no loop device could be had in %d attempts", ATTACH_ATTEMPTS_MAX);
}

/* AWS's /tmp is empty, and anybody's. */
static void prepare_root(const char *mount_point) {
  int root = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = root >= 0 && (unlinkat(root, "lost+found", AT_REMOVEDIR) == 0 || errno == ENOENT) &&
              fchown(root, 0, 0) == 0 && fchmod(root, 01777) == 0;
  if (done) {
    close(root);
    return;
  }
  int error = errno;
  umount2(mount_point, MNT_DETACH);
  fail("cannot prepare %s: %s", mount_point, strerror(error));
}

static void mount_storage(const char *template, const char *image, const char *mount_point) {
  /* Whoever cleans up after a daemon must not find a mount that comes later. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("cannot ask for a signal: %s", strerror(errno));
  if (mount_point[0] != '/') fail("%s is not an absolute path", mount_point);
  int folder = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail("cannot open %s: %s", mount_point, strerror(errno));
  int backing = make_image(template, image);
  if (fchdir(folder) != 0) fail("cannot enter %s: %s", mount_point, strerror(errno));
  struct loop_device device = attach(folder, backing);
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOATIME;
  int mounted = mount(device.source, mount_point, "ext4", flags, EXT4_OPTIONS);
  drop_node(folder, &device);
  if (mounted != 0) fail("cannot mount %s on %s: %s", device.source, mount_point, strerror(errno));
  prepare_root(mount_point);
}

/* What nobody will read need not be written: once it is shut down the unmount takes no time. */
static void discard_contents(const char *mount_point) {
  int root = open(mount_point, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat here;
  struct stat above;
  if (root >= 0 && fstat(root, &here) == 0 && fstatat(root, "..", &above, 0) == 0 &&
      here.st_dev != above.st_dev && major(here.st_dev) == LOOP_MAJOR) {
    uint32_t how = EXT4_SHUTDOWN_WITHOUT_FLUSH;
    /* A kernel that cannot do it only takes longer. */
    (void)ioctl(root, EXT4_SHUTDOWN, &how);
  }
  if (root >= 0) close(root);
}

/* Also when files in it are still open; 0, or errno. Where nothing is mounted nothing is done. */
int unmount_storage(const char *mount_point) {
  discard_contents(mount_point);
  if (umount2(mount_point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return 0;
  return errno == EINVAL || errno == ENOENT ? 0 : errno;
}

int verb_storage(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[0], "mount") == 0) {
    mount_storage(argv[1], argv[2], argv[3]);
    return 0;
  }
  if (argc == 2 && strcmp(argv[0], "unmount") == 0) {
    int error = unmount_storage(argv[1]);
    if (error != 0) fail("cannot unmount %s: %s", argv[1], strerror(error));
    return 0;
  }
  fail("use storage mount <template> <image> <mount point>, or storage unmount <mount point>");
}
