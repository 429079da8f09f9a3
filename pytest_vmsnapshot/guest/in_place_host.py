def serve(control, harness): raise NotImplementedError
