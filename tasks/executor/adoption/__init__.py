"""The verb `adopt`: what a supervisord keeps running, and from which clones."""
