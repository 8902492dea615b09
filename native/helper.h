/* What every verb of the helper shares: how it fails, and the verbs themselves. */
#ifndef LAMBDA_EMU_HELPER_H
#define LAMBDA_EMU_HELPER_H

#define _GNU_SOURCE
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A verb gets its own arguments, without the program's and its own name, and returns an exit code. */
int verb_run(int argc, char **argv);
int verb_spawner(int argc, char **argv);
int verb_guard(int argc, char **argv);
int verb_probe(int argc, char **argv);
int verb_storage(int argc, char **argv);

/* Exit code of a helper that could not do what it was asked; a function's own code comes through unchanged. */
#define EXIT_HELPER 125

/* Writes `lambda-emu-helper: <text>` to standard error and ends with EXIT_HELPER. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* write(2) until all of it is out; false when it cannot be. */
bool write_all(int fd, const void *bytes, size_t length);

/* Writes a short text into an existing file in one write(2), as control files want it; 0, or errno. */
int write_file(const char *path, const char *text);

/* mkdir -p with that mode for what is made; 0, or errno. */
int make_folders(const char *path, unsigned mode);

#endif
