/* The words: each takes its arguments, prints, and returns the program's exit status. argv[0] is the word. */
#ifndef NEREID_CLI_CLI_H
#define NEREID_CLI_CLI_H

int cli_serve(int argc, char **argv);
int cli_compile(int argc, char **argv);
int cli_train(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_prepare(int argc, char **argv);
int cli_fetch(int argc, char **argv);
int cli_infer(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_trtexec(int argc, char **argv);

#endif
