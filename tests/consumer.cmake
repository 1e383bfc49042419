# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The project in consumer/ finds Domino in both ways, is built and passes its own tests.
set(prefix ${CMAKE_CURRENT_BINARY_DIR}/consumer/prefix)
add_test(NAME consumer/install COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${prefix})
set_tests_properties(consumer/install PROPERTIES FIXTURES_SETUP installed LABELS consumer)

function(add_consumer way)
  add_test(NAME consumer/${way} COMMAND ${CMAKE_CTEST_COMMAND}
    --build-and-test ${CMAKE_CURRENT_SOURCE_DIR}/consumer ${CMAKE_CURRENT_BINARY_DIR}/consumer/${way}
    --build-generator ${CMAKE_GENERATOR}
    --build-options -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} ${ARGN}
    --test-command ${CMAKE_CTEST_COMMAND} --output-on-failure)
  set_tests_properties(consumer/${way} PROPERTIES FIXTURES_REQUIRED installed LABELS consumer)
endfunction()

add_consumer(find_package -DCMAKE_PREFIX_PATH=${prefix})
# xsimd_SOURCE_DIR is empty where xsimd is an installed package.
add_consumer(add_subdirectory -DDOMINO_SOURCE=${PROJECT_SOURCE_DIR} -DFETCHCONTENT_SOURCE_DIR_XSIMD=${xsimd_SOURCE_DIR})
