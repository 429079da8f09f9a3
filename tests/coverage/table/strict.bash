 |#!/bin/bash
+|set -euo pipefail
+|shopt -s inherit_errexit
+|x=${unset_variable:-}
+|f() { echo "${1-}"; }
+|f
+|false
-|echo never
