/* What the spawner hands to a process that it has forked for a start. */
#ifndef LAMBDA_EMU_SPAWNER_H
#define LAMBDA_EMU_SPAWNER_H

/* Descriptors that are opened for a process that is to start something, after the standard ones. */
enum { CHANNEL = 3, STATUS = 4 };
/* Under this one the process that keeps a network has its namespace. */
#define NETWORK 5

struct forked {
  /* As of `run`: its words, a NULL behind them. */
  int words_count;
  char **words;
  /* The whole environment of the program. */
  char **environment;
  /* The bytes that the command line in /proc shows. */
  char *shown, *shown_end;
};

/* As `run`, in a process that was not executed anew: those descriptors are open, and none above. */
_Noreturn void run_forked(const struct forked *forked);

/* Of `run`, when its first word is `network`: makes the network of an environment and keeps it. */
_Noreturn void keep_network(int argc, char **argv);

#endif
