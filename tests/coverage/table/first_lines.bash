+|echo no first line; trap 'echo one
 |echo two
 |echo three' EXIT
+|[ a = b ] && echo three
+|true
