#!/usr/bin/env python3
"""Shared memory, of the system and of GPUs, with the official client over HTTP and gRPC: tensors in and out, errors, regions that go away."""
import base64, os, subprocess
import numpy as np, tritonclient.grpc as tg, tritonclient.http as th, tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException
import gpu
from check import ROOT, run, server
from test_metrics import environment
from test_serve import echo

KEY = f"/nereid-e2e-{os.getpid()}"


def clients(s):
    return (th, th.InferenceServerClient(f"127.0.0.1:{s.http}")), (tg, tg.InferenceServerClient(f"127.0.0.1:{s.grpc}"))


def names(module, regions):
    return {r["name"] for r in regions} if module is th else set(regions.regions)


def refused(call):
    try:
        call()
    except InferenceServerException as e:
        return e.message()
    raise AssertionError("it was accepted")


def test_tensors_go_in_and_come_out(tmp):
    echo(tmp, "m")
    echo(tmp, "text", "BYTES")
    x = np.random.default_rng(0).standard_normal((2, 1000), np.float32)
    with server(tmp) as s:
        for module, c in clients(s):
            h = shm.create_shared_memory_region("r", KEY, 2 * x.nbytes)
            try:
                shm.set_shared_memory_region(h, [x])
                c.register_system_shared_memory("in", KEY, x.nbytes)
                c.register_system_shared_memory("out", KEY, x.nbytes, offset=x.nbytes)
                assert names(module, c.get_system_shared_memory_status()) == {"in", "out"}
                i, o = module.InferInput("INPUT0", [2, 1000], "FP32"), module.InferRequestedOutput("OUTPUT0")
                i.set_shared_memory("in", x.nbytes)
                o.set_shared_memory("out", x.nbytes)
                for _ in range(20):
                    r = c.infer("m", [i], outputs=[o])
                assert r.get_output("OUTPUT0")
                assert np.array_equal(shm.get_contents_as_numpy(h, np.float32, [2, 1000], offset=x.nbytes), x)
                assert np.array_equal(c.infer("m", [i]).as_numpy("OUTPUT0"), x)
                o.set_shared_memory("out", x.nbytes - 4)
                assert "should be at least" in refused(lambda: c.infer("m", [i], outputs=[o]))
                i.set_shared_memory("in", x.nbytes, offset=4)
                assert "Invalid offset + byte size" in refused(lambda: c.infer("m", [i]))
                i.set_shared_memory("nope", x.nbytes)
                assert "Unable to find shared memory region: 'nope'" in refused(lambda: c.infer("m", [i]))
                assert "already in manager" in refused(lambda: c.register_system_shared_memory("in", KEY, 4))
                assert "Unable to open" in refused(lambda: c.register_system_shared_memory("q", "/../etc/passwd", 4))
                c.unregister_system_shared_memory("in")
                assert names(module, c.get_system_shared_memory_status()) == {"out"}
                c.unregister_system_shared_memory()
                assert not names(module, c.get_system_shared_memory_status()) and not names(module, c.get_cuda_shared_memory_status())
            finally:
                shm.destroy_shared_memory_region(h)


def test_an_object_that_is_cut_short_hurts_only_its_request(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        for module, c in clients(s):
            h = shm.create_shared_memory_region("r", KEY, 4096)
            try:
                c.register_system_shared_memory("r", KEY, 4096)
                os.truncate("/dev/shm" + KEY, 0)
                i = module.InferInput("INPUT0", [1, 1024], "FP32")
                i.set_shared_memory("r", 4096)
                assert "shorter than when it was registered" in refused(lambda: c.infer("m", [i]))
                c.unregister_system_shared_memory()
                assert c.is_server_live()
            finally:
                shm.destroy_shared_memory_region(h)


def test_it_can_be_off(tmp):
    echo(tmp, "m")
    with server(tmp, "--allow-client-shm=false") as s:
        for module, c in clients(s):
            assert "disabled" in refused(lambda: c.register_system_shared_memory("r", KEY, 4))


def test_memory_of_a_gpu(tmp):
    """With a stand-in for the driver, whose GPUs' memory other processes reach by its handle."""
    os.mkdir(tmp + "/lib")
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", f"{tmp}/lib/libcuda.so.1", f"{ROOT}/tests/fixtures/fake_cuda.c"], check=True)
    echo(tmp + "/models", "m")
    x = np.random.default_rng(0).standard_normal((2, 1000), np.float32)
    g = gpu.Gpu(f"{tmp}/lib/libcuda.so.1")
    with environment(LD_LIBRARY_PATH=f"{tmp}/lib"), server(tmp + "/models") as s:
        for module, c in clients(s):
            at = g.allocate(2 * x.nbytes)
            handle = g.handle(at)
            g.write(at, x.tobytes())
            c.register_cuda_shared_memory("r", handle, 1, 2 * x.nbytes)
            status = c.get_cuda_shared_memory_status()
            if module is th:
                assert status == [{"name": "r", "device_id": 1, "byte_size": 2 * x.nbytes}]
            else:
                assert status.regions["r"].device_id == 1 and status.regions["r"].byte_size == 2 * x.nbytes
            assert not names(module, c.get_system_shared_memory_status())
            i, o = module.InferInput("INPUT0", [2, 1000], "FP32"), module.InferRequestedOutput("OUTPUT0")
            i.set_shared_memory("r", x.nbytes)
            o.set_shared_memory("r", x.nbytes, offset=x.nbytes)
            for _ in range(20):
                c.infer("m", [i], outputs=[o])
            assert g.read(at, x.nbytes, x.nbytes) == x.tobytes()
            assert np.array_equal(c.infer("m", [i]).as_numpy("OUTPUT0"), x)
            i.set_shared_memory("r", x.nbytes, offset=x.nbytes + 4)
            assert "Invalid offset + byte size" in refused(lambda: c.infer("m", [i]))
            assert "already in manager" in refused(lambda: c.register_cuda_shared_memory("r", handle, 0, 4))
            assert "there is no GPU 2" in refused(lambda: c.register_cuda_shared_memory("q", handle, 2, 4))
            assert "invalid args" in refused(lambda: c.register_cuda_shared_memory("q", handle, 0, 2 * x.nbytes + 1))
            assert "cannot open the memory of that handle" in refused(lambda: c.register_cuda_shared_memory("q", base64.b64encode(bytes(64)), 0, 4))
            c.unregister_system_shared_memory()
            assert names(module, c.get_cuda_shared_memory_status()) == {"r"}
            c.unregister_cuda_shared_memory()
            assert not names(module, c.get_cuda_shared_memory_status())
            g.free(at)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-DFAKE_GPUS=0", "-o", f"{tmp}/lib/libcuda.so.1", f"{ROOT}/tests/fixtures/fake_cuda.c"], check=True)
    with environment(LD_LIBRARY_PATH=f"{tmp}/lib"), server(tmp + "/models") as s:
        for module, c in clients(s):
            assert "GPUs not supported: CUDA cannot find GPUs" in refused(lambda: c.register_cuda_shared_memory("r", handle, 0, 4))
    with server(tmp + "/models", "--allow-client-shm=false") as s:
        for module, c in clients(s):
            assert "Client shared memory is disabled" in refused(lambda: c.register_cuda_shared_memory("r", handle, 0, 4))


if __name__ == "__main__":
    run(globals())
