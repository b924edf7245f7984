/* `nereid prepare DIR`: the tutorial's one click.
 *
 * Fetch, train, export both models, compile both to plans with logs, and lay out the model
 * repository with the tutorial's configurations. Each step says what it does and how long it took;
 * steps whose result is there are done again, except downloads, so the folder always fits the
 * options. ResNet50's weights are the published ones, or random, loudly, where they are out of
 * reach and none are given.
 */
#include "base/clock.h"
#include "base/file.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/steps.h"
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 4096 };
#define LOG_BYTES_MAX ((size_t)64 << 20)

static const char mnist_config[] =
	"name: \"mnist_mlp\"\nplatform: \"onnxruntime_onnx\"\nmax_batch_size: 8\n"
	"input [\n  {\n    name: \"input\"\n    data_type: TYPE_FP32\n    dims: [ 1, 28, 28 ]\n  }\n]\n"
	"output [\n  {\n    name: \"output\"\n    data_type: TYPE_FP32\n    dims: [ 10 ]\n  }\n]\n";
static const char resnet50_config[] =
	"name: \"resnet50\"\nplatform: \"tensorrt_plan\"\nmax_batch_size: 16\n"
	"input [\n  {\n    name: \"input\"\n    data_type: TYPE_FP32\n    dims: [ 3, 224, 224 ]\n  }\n]\n"
	"output [\n  {\n    name: \"output\"\n    data_type: TYPE_FP32\n    dims: [ 1000 ]\n  }\n]\n";

struct prepare { struct args args; const char *dir; uint64_t start; uint32_t threads; char path[8][PATH_BYTES]; uint32_t next; };

/* dir/text, valid for eight more calls. */
static const char *in_dir(struct prepare *p, const char *text)
{
	char *to = p->path[p->next++ % 8];
	snprintf(to, PATH_BYTES, "%s/%s", p->dir, text);
	return to;
}

static void say(const struct prepare *p, const char *what)
{
	printf("[%6.2f s] %s\n", (double)(clock_ns() - p->start) / 1e9, what);
	fflush(stdout);
}

static struct status train(struct prepare *p)
{
	uint64_t epochs, seed;
	const char *data = p->args.value[OPT_PREPARE_DATA];
	TRY(args_u64(&p->args, OPT_PREPARE_EPOCHS, 1, 10000, &epochs));
	TRY(args_u64(&p->args, OPT_PREPARE_SEED, 0, UINT64_MAX, &seed));
	if (!data) {
		data = in_dir(p, "data/mnist");
		say(p, "fetch MNIST");
		TRY(step_fetch(STEP_MNIST, data));
	}
	say(p, "train the perceptron");
	struct step_train o = {.data = data, .output = in_dir(p, "checkpoints/mnist.safetensors"), .hidden = 128,
	                       .threads = p->threads, .train = TRAIN_DEFAULT};
	o.train.epochs = (uint32_t)epochs;
	o.train.seed = seed;
	return step_train(&o);
}

static struct status export(struct prepare *p)
{
	const char *weights = p->args.value[OPT_PREPARE_WEIGHTS];
	char published[PATH_BYTES];
	say(p, "export mnist_mlp");
	TRY(step_export(STEP_MNIST, in_dir(p, "checkpoints/mnist.safetensors"), in_dir(p, "onnx/mnist_mlp.onnx")));
	if (!weights) {
		say(p, "fetch ResNet50's published weights");
		snprintf(published, sizeof published, "%s/%s", in_dir(p, "checkpoints"), step_resnet50_file());
		struct status st = step_fetch(STEP_RESNET50, in_dir(p, "checkpoints"));
		weights = st.code ? "random:0" : published;
		if (st.code)
			fprintf(stderr, "%s\n", st.msg);
	}
	say(p, "export resnet50");
	return step_export(STEP_RESNET50, weights, in_dir(p, "onnx/resnet50.onnx"));
}

static struct status compile(struct prepare *p, const char *name, const char *min, const char *opt, const char *max)
{
	struct status st = STATUS_GOOD;
	struct compile_options o = {.fp16 = true, .threads = p->threads, .no_tune = args_flag(&p->args, OPT_PREPARE_NO_TUNE)};
	char text[PATH_BYTES], onnx[PATH_BYTES], plan[PATH_BYTES], log_path[PATH_BYTES];
	struct buf log;

	snprintf(text, sizeof text, "compile %s for batches %s", name, max);
	say(p, text);
	snprintf(onnx, sizeof onnx, "%s/onnx/%s.onnx", p->dir, name);
	snprintf(plan, sizeof plan, "%s/plans/%s.plan", p->dir, name);
	snprintf(log_path, sizeof log_path, "%s/plans/%s.log", p->dir, name);
	buf_init(&log, LOG_BYTES_MAX);
	GO(profile_parse(&o.profile, PROFILE_MIN, str_from(min)));
	GO(profile_parse(&o.profile, PROFILE_OPT, str_from(opt)));
	GO(profile_parse(&o.profile, PROFILE_MAX, str_from(max)));
	GO(engine_compile(onnx, &o, plan, &log));
	GO(file_write(log_path, buf_span(&log)));
out:
	buf_release(&log);
	return st;
}

static struct status copy_file(const char *from, const char *to)
{
	struct file_map m;
	TRY(file_map(from, &m));
	struct status st = file_write(to, m.bytes);
	file_unmap(&m);
	return st;
}

static struct status put_text(const char *path, const char *text)
{
	return file_write(path, (struct span){(const uint8_t *)text, strlen(text)});
}

static struct status lay_out(struct prepare *p)
{
	say(p, "lay out the model repository");
	TRY(file_mkdirs(in_dir(p, "models/mnist_mlp/1")));
	TRY(file_mkdirs(in_dir(p, "models/resnet50/1")));
	TRY(copy_file(in_dir(p, "onnx/mnist_mlp.onnx"), in_dir(p, "models/mnist_mlp/1/model.onnx")));
	TRY(copy_file(in_dir(p, "plans/resnet50.plan"), in_dir(p, "models/resnet50/1/model.plan")));
	TRY(put_text(in_dir(p, "models/mnist_mlp/config.pbtxt"), mnist_config));
	return put_text(in_dir(p, "models/resnet50/config.pbtxt"), resnet50_config);
}

static struct status prepare(int argc, char **argv)
{
	struct prepare p = {.start = clock_ns()};
	uint64_t threads;
	TRY(args_parse(WORD_PREPARE, argc, argv, &p.args));
	TRY(args_one(&p.args, WORD_PREPARE, &p.dir));
	TRY(args_u64(&p.args, OPT_PREPARE_THREADS, 0, POOL_THREADS_MAX, &threads));
	p.threads = (uint32_t)threads;
	static const char *const folders[] = {"checkpoints", "onnx", "plans", "models"};
	for (int i = 0; i < 4; i++)
		TRY(file_mkdirs(in_dir(&p, folders[i])));
	TRY(train(&p));
	TRY(export(&p));
	TRY(compile(&p, "mnist_mlp", "input:1x1x28x28", "input:4x1x28x28", "input:8x1x28x28"));
	TRY(compile(&p, "resnet50", "input:1x3x224x224", "input:8x3x224x224", "input:16x3x224x224"));
	TRY(lay_out(&p));
	say(&p, "ready; `nereid serve --model-repository` this folder's models/");
	return STATUS_GOOD;
}

int cli_prepare(int argc, char **argv)
{
	return args_report(WORD_PREPARE, prepare(argc, argv));
}
