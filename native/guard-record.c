/* Reads the few members of a record that the guardian needs, out of bytes that may be anything. */
#include "guard-record.h"

#include <string.h>

#define NAME_BYTES 64

struct scanner {
  const char *next, *end;
};

typedef bool (*take_member)(struct scanner *scanner, const char *name, void *into);

static bool at(const struct scanner *scanner, char wanted) {
  return scanner->next < scanner->end && *scanner->next == wanted;
}

static void skip_space(struct scanner *scanner) {
  while (scanner->next < scanner->end && memchr(" \t\r\n", *scanner->next, 4) != NULL) {
    scanner->next++;
  }
}

static bool take(struct scanner *scanner, char wanted) {
  skip_space(scanner);
  if (!at(scanner, wanted)) return false;
  scanner->next++;
  return true;
}

static bool take_hex(struct scanner *scanner, unsigned *code) {
  if (scanner->end - scanner->next < 4) return false;
  *code = 0;
  for (int digit = 0; digit < 4; digit++) {
    char c = *scanner->next++;
    unsigned value;
    if (c >= '0' && c <= '9') value = (unsigned)(c - '0');
    else if (c >= 'a' && c <= 'f') value = (unsigned)(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F') value = (unsigned)(c - 'A') + 10;
    else return false;
    *code = *code * 16 + value;
  }
  return true;
}

static size_t put_utf8(unsigned code, char bytes[4]) {
  if (code < 0x80) {
    bytes[0] = (char)code;
    return 1;
  }
  size_t count = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t each = count - 1; each > 0; each--, code >>= 6) {
    bytes[each] = (char)(0x80 | (code & 0x3f));
  }
  bytes[0] = (char)((0xf00 >> count) | code);
  return count;
}

/* Behind `\u`. Half of a pair becomes the replacement character, as in any UTF-8 that is written from it. */
static size_t take_unicode(struct scanner *scanner, char bytes[4]) {
  unsigned code, low;
  if (!take_hex(scanner, &code) || code == 0) return 0;
  if (code >= 0xd800 && code < 0xdc00) {
    struct scanner ahead = *scanner;
    bool pair = ahead.end - ahead.next >= 2 && ahead.next[0] == '\\' && ahead.next[1] == 'u';
    if (pair) ahead.next += 2;
    pair = pair && take_hex(&ahead, &low) && low >= 0xdc00 && low < 0xe000;
    if (pair) *scanner = ahead;
    code = pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
  } else if (code >= 0xdc00 && code < 0xe000) {
    code = 0xfffd;
  }
  return put_utf8(code, bytes);
}

/* Behind a backslash. 0 for what JSON does not know. */
static size_t take_escape(struct scanner *scanner, char bytes[4]) {
  static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  if (scanner->next == scanner->end) return 0;
  char escape = *scanner->next++;
  if (escape == 'u') return take_unicode(scanner, bytes);
  const char *known = escape == '\0' ? NULL : strchr(escapes, escape);
  if (known == NULL) return 0;
  bytes[0] = meanings[known - escapes];
  return 1;
}

/* Into `text`, or into nothing when that is NULL. */
static bool take_string(struct scanner *scanner, char *text, size_t size) {
  size_t length = 0;
  if (!take(scanner, '"')) return false;
  while (scanner->next < scanner->end) {
    char bytes[4] = {*scanner->next++};
    size_t count = 1;
    if (bytes[0] == '"') {
      if (text != NULL) text[length] = '\0';
      return true;
    }
    if (bytes[0] == '\0') return false;
    if (bytes[0] == '\\') count = take_escape(scanner, bytes);
    if (count == 0) return false;
    if (text == NULL) continue;
    if (length + count >= size) return false;
    memcpy(text + length, bytes, count);
    length += count;
  }
  return false;
}

/* What stands behind the digits must end a number: 12.5 and 12e3 are no pid. */
static bool take_number(struct scanner *scanner, unsigned long long *number) {
  char digits[24];
  const char *end;
  size_t length = 0;
  skip_space(scanner);
  while (scanner->next < scanner->end && memchr(",}] \t\r\n", *scanner->next, 7) == NULL) {
    if (length == sizeof digits - 1) return false;
    digits[length++] = *scanner->next++;
  }
  digits[length] = '\0';
  return read_number(digits, &end, number) && *end == '\0';
}

static bool is_of_literal(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' ||
         c == '.';
}

/* Any value, without a call for each level of nesting: no input can use up the stack. */
static bool skip_value(struct scanner *scanner) {
  size_t depth = 0;
  do {
    skip_space(scanner);
    if (scanner->next == scanner->end) return false;
    char c = *scanner->next;
    if (c == '"') {
      if (!take_string(scanner, NULL, 0)) return false;
    } else if (c == '{' || c == '[') {
      depth++;
      scanner->next++;
    } else if (depth > 0 && (c == '}' || c == ']')) {
      depth--;
      scanner->next++;
    } else if (depth > 0 && (c == ',' || c == ':')) {
      scanner->next++;
    } else if (is_of_literal(c)) {
      while (scanner->next < scanner->end && is_of_literal(*scanner->next)) scanner->next++;
    } else {
      return false;
    }
  } while (depth > 0);
  return true;
}

static bool take_object(struct scanner *scanner, take_member take_one, void *into) {
  char name[NAME_BYTES];
  if (!take(scanner, '{')) return false;
  if (take(scanner, '}')) return true;
  do {
    if (!take_string(scanner, name, sizeof name) || !take(scanner, ':')) return false;
    if (!take_one(scanner, name, into)) return false;
  } while (take(scanner, ','));
  return take(scanner, '}');
}

static bool take_pid(struct scanner *scanner, pid_t *pid) {
  unsigned long long number;
  skip_space(scanner);
  if (at(scanner, 'n')) return skip_value(scanner);
  if (!take_number(scanner, &number) || number > 0x7fffffff) return false;
  *pid = (pid_t)number;
  return true;
}

static bool take_identity_member(struct scanner *scanner, const char *name, void *into) {
  struct identity *identity = into;
  if (strcmp(name, "pid") == 0) return take_pid(scanner, &identity->pid);
  if (strcmp(name, "startTime") != 0) return skip_value(scanner);
  skip_space(scanner);
  return at(scanner, 'n') ? skip_value(scanner) : take_number(scanner, &identity->start_time);
}

static bool take_record_member(struct scanner *scanner, const char *name, void *into) {
  struct record *record = into;
  if (strcmp(name, "daemon") == 0) {
    return take_object(scanner, take_identity_member, &record->daemon);
  }
  if (strcmp(name, "bootId") == 0) {
    return take_string(scanner, record->boot_id, sizeof record->boot_id);
  }
  if (strcmp(name, "logStreamName") == 0) {
    return take_string(scanner, record->log_stream_name, sizeof record->log_stream_name);
  }
  return take_identity_member(scanner, name, &record->root);
}

bool parse_record(const char *text, size_t length, struct record *record) {
  struct scanner scanner = {text, text + length};
  memset(record, 0, sizeof *record);
  if (!take_object(&scanner, take_record_member, record)) return false;
  skip_space(&scanner);
  return scanner.next == scanner.end;
}
