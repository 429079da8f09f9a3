 |#!/bin/bash
+|cat <<EOF
 |if this were code; then
 |fi $HOME
 |EOF
+|cat <<'EOF' | tr a-z A-Z
 |$(not run)
 |EOF
+|cat <<-EOF &&
 |	indented
 |	EOF
+|    echo behind
+|cat <<A <<B
 |first
 |A
 |second
 |B
+|cat <<< "a string"
