 |#!/bin/bash
 |# A comment is no statement.
+|echo one
 |
+|two=2
+|echo "$two"; echo again
