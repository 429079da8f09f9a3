 |#!/bin/bash
+|	if	true
 |	then
+|		echo	tabs
 |	fi
+|echo	"é ü"	;	echo	two
