#!/usr/bin/env python3
"""Memory of a GPU through CUDA's driver, as a client of the server has it; the library may be tests/fixtures/fake_cuda.c.

gpu.py PORT: on a machine with a GPU, sends tensors through its memory to the model `m` of a server at that port, an identity of FP32
[-1, -1] with INPUT0 and OUTPUT0, and prints what a request takes with memory of the GPU and with its tensors in the body. Needs nothing but Python."""
import array, base64, ctypes as c, http.client, json, random, sys, time


class Gpu:
    def __init__(self, library="libcuda.so.1", index=0):
        self.lib, device, self.context = c.CDLL(library), c.c_int(), c.c_void_p()
        self.call("cuInit", 0)
        self.call("cuDeviceGet", c.byref(device), index)
        self.call("cuDevicePrimaryCtxRetain", c.byref(self.context), device)
        self.call("cuCtxPushCurrent_v2", self.context)

    def call(self, name, *args):
        code = getattr(self.lib, name)(*args)
        if code:
            raise OSError(f"{name} failed with code {code}")

    def allocate(self, size):
        at = c.c_ulonglong()
        self.call("cuMemAlloc_v2", c.byref(at), c.c_size_t(size))
        return at

    def handle(self, at):
        out = (c.c_ubyte * 64)()
        self.call("cuIpcGetMemHandle", out, at)
        return base64.b64encode(bytes(out))

    def write(self, at, data):
        self.call("cuMemcpyHtoD_v2", at, data, c.c_size_t(len(data)))

    def read(self, at, size, offset=0):
        out = c.create_string_buffer(size)
        self.call("cuMemcpyDtoH_v2", out, c.c_ulonglong(at.value + offset), c.c_size_t(size))
        return out.raw

    def free(self, at):
        self.call("cuMemFree_v2", at)


def main():
    web, gpu, rows, columns = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])), Gpu(), 8, 150528
    size = rows * columns * 4
    at = gpu.allocate(2 * size)

    def ask(method, path, body=None, headers={}):
        web.request(method, path, body, headers)
        r = web.getresponse()
        data = r.read()
        assert r.status == 200, (path, r.status, data[:500])
        return data

    register = {"raw_handle": {"b64": gpu.handle(at).decode()}, "device_id": 0, "byte_size": 2 * size}
    ask("POST", "/v2/cudasharedmemory/region/r/register", json.dumps(register))
    assert json.loads(ask("GET", "/v2/cudasharedmemory/status")) == [{"name": "r", "device_id": 0, "byte_size": 2 * size}]
    place = lambda offset: {"shared_memory_region": "r", "shared_memory_byte_size": size, "shared_memory_offset": offset}
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [rows, columns]}
    through_gpu = json.dumps({"inputs": [{**tensor, "parameters": place(0)}], "outputs": [{"name": "OUTPUT0", "parameters": place(size)}]})
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": size}}], "outputs": [{"name": "OUTPUT0", "parameters": {"binary_data": True}}]}).encode()
    times = {"memory of the GPU": [], "body": []}
    for _ in range(50):
        data = array.array("f", [random.random()] * (rows * columns))
        for i in range(0, len(data), 997):
            data[i] = random.random()
        data = data.tobytes()
        gpu.write(at, data)
        begun = time.monotonic()
        ask("POST", "/v2/models/m/infer", through_gpu)
        times["memory of the GPU"].append(time.monotonic() - begun)
        assert gpu.read(at, size, size) == data, "other bytes came back"
        begun = time.monotonic()
        answer = ask("POST", "/v2/models/m/infer", head + data, {"Inference-Header-Content-Length": str(len(head))})
        times["body"].append(time.monotonic() - begun)
        assert answer.endswith(data)
    ask("POST", "/v2/cudasharedmemory/unregister")
    gpu.free(at)
    for what, all_times in times.items():
        print(f"{size} bytes in and out by {what}: median {1e3 * sorted(all_times)[len(all_times) // 2]:.2f} ms")


if __name__ == "__main__":
    main()
