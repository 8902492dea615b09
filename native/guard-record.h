/* The record that a daemon writes of each environment, as far as the guardian needs it. */
#ifndef LAMBDA_EMU_GUARD_RECORD_H
#define LAMBDA_EMU_GUARD_RECORD_H

#include "guard.h"

struct record {
  /* Of the process started last; pid 0 before the first. */
  struct identity root;
  struct identity daemon;
  char boot_id[64];
  char log_stream_name[1024];
};

/* Safe on any bytes. False for what is not one whole JSON object, and for strings that do not fit. */
bool parse_record(const char *text, size_t length, struct record *record);

#endif
