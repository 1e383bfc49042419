# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cmake "-DCOMPILE=<compiler;and;flags>" -DSOURCE=<file> -P check.cmake
set(ENV{LC_ALL} C)
file(STRINGS ${SOURCE} expect LIMIT_COUNT 1 REGEX "^// expect: .")
string(REPLACE "// expect: " "" expect "${expect}")

execute_process(COMMAND ${COMPILE} -DDOMINO_OK ${SOURCE} RESULT_VARIABLE status ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "The right twin does not compile.")
endif()

execute_process(COMMAND ${COMPILE} ${SOURCE} RESULT_VARIABLE status ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "The wrong use compiles.")
elseif(expect STREQUAL "" OR NOT output MATCHES "${expect}")
  message("${output}")
  message(FATAL_ERROR "The compiler does not say \"${expect}\".")
endif()
