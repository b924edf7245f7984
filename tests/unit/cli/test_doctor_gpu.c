/* NVIDIA's driver as /proc tells it. Its libraries, false ones, are in tests/e2e/test_doctor.py.
 */
#include "unit/cli/doctor_parts.h"

TEST(the_driver_in_the_kernel)
{
	struct doctor d;
	doctor_begin(&d);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_DRIVER, doctor__driver), MISSING, "not loaded");
	doctor_file(&d, "/proc/driver/nvidia/version",
	            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 "
	            "UTC 2024\n"
	            "GCC version:  gcc version 12.2.0\n");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_DRIVER, doctor__driver), OK,
	               "driver 550.54.15 is loaded");
	doctor_file(&d, "/proc/driver/nvidia/version",
	            "NVRM version: Open Kernel Module for x86_64  580.65 (x)\n");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_DRIVER, doctor__driver), OK, "driver 580.65 is loaded");
	doctor_file(&d, "/proc/driver/nvidia/version", "x86_64 ... 12 a.b\n");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_DRIVER, doctor__driver), WARN, "cannot be told");
	doctor_release(&d);
}
