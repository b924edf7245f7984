/* What `prepare` does one after another and the single words do alone. */
#ifndef NEREID_CLI_STEPS_H
#define NEREID_CLI_STEPS_H

#include "base/status.h"
#include "train/trainer.h"

struct step_train { const char *data, *output; uint32_t hidden, threads; bool json; struct train_options train; };
/* Trains, tests, writes the checkpoint and prints one line. */
struct status step_train(const struct step_train *o) MUST_CHECK;

enum step_set { STEP_MNIST, STEP_RESNET50 };
/* Gets the set's files into dir: those that are there and whole are kept. UNAVAILABLE when every source is out of reach. */
struct status step_fetch(enum step_set set, const char *dir) MUST_CHECK;
/* The name of the only file of STEP_RESNET50. */
const char *step_resnet50_file(void);

/* Writes the model as ONNX from a checkpoint; for ResNet50 weights may be random:SEED, and then a warning is printed. */
struct status step_export(enum step_set set, const char *weights, const char *output) MUST_CHECK;

#endif
