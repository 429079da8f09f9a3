 |#!/bin/sh
+|alias say='echo said'
+|say hello
+|unalias say
