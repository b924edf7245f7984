/* `nereid export`: a checkpoint to ONNX.
 *
 * The architectures are in train/; this file opens the weights, builds the graph, and writes
 * it. Random weights for ResNet50 are for trying speed and deployment where the published ones are
 * out of reach, and the program says loudly what they are worth.
 */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/steps.h"
#include "onnx/onnx.h"
#include "train/mnist.h"
#include "train/resnet50.h"

#include <stdio.h>
#include <string.h>

#define GRAPH_BYTES_MAX ((size_t)1 << 30)

static struct status load(enum step_set set, const char *from, struct weights *w)
{
	uint64_t seed;
	struct str text = str_from(from);
	if (!str_starts(text, STR("random:")))
		return weights_open(w, from);
	if (set != STEP_RESNET50)
		return FAIL(INVALID_ARG, "random weights are for resnet50 only; `nereid train mnist` makes real ones");
	if (!str_u64((struct str){text.p + 7, text.n - 7}, &seed))
		return FAIL(INVALID_ARG, "%s: write random:SEED with a whole number", from);
	fprintf(stderr, "WARNING: the weights of ResNet50 are random (seed %llu): its answers mean NOTHING. Use --weights "
	        "FILE.pth for real ones.\n", (unsigned long long)seed);
	return resnet50_random(w, seed);
}

struct status step_export(enum step_set set, const char *from, const char *output)
{
	struct status st = STATUS_GOOD;
	struct weights w;
	struct arena a;

	weights_init(&w, from);
	arena_init(&a, GRAPH_BYTES_MAX);
	GO(load(set, from, &w));
	struct ir_graph *g = ir_graph_new(&a);
	if (!g)
		GO(FAIL(NO_MEMORY, "no memory for the graph"));
	g->name = set == STEP_MNIST ? STR("mnist_mlp") : STR("resnet50");
	GO(set == STEP_MNIST ? mnist_graph(g, &w) : resnet50_graph(g, &w));
	GO(ir_compact(g));
	GO(ir_infer(g));
	GO(onnx_write(g, "nereid", output));
out:
	arena_release(&a);
	weights_release(&w);
	return st;
}

static struct status export(int argc, char **argv)
{
	struct args a;
	const char *what;
	TRY(args_parse(WORD_EXPORT, argc, argv, &a));
	TRY(args_one(&a, WORD_EXPORT, &what));
	bool mnist = !strcmp(what, "mnist");
	if (!mnist && strcmp(what, "resnet50"))
		return FAIL(INVALID_ARG, "there is no model '%s'; mnist and resnet50 can be exported", what);
	const char *weights = a.value[OPT_EXPORT_WEIGHTS];
	if (!weights && mnist)
		weights = "mnist.safetensors";
	if (!weights)
		return FAIL(INVALID_ARG, "give --weights FILE.pth, FILE.safetensors or random:SEED; `nereid fetch resnet50` gets "
		            "the published ones");
	TRY(step_export(mnist ? STEP_MNIST : STEP_RESNET50, weights, a.value[OPT_EXPORT_OUTPUT]));
	printf("wrote %s\n", a.value[OPT_EXPORT_OUTPUT]);
	return STATUS_GOOD;
}

int cli_export(int argc, char **argv)
{
	return args_report(WORD_EXPORT, export(argc, argv));
}
