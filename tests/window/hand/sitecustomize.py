"""A hand inside the process of the window: does what its owner's mouse and the desktop would do.

Loaded by Python itself from PYTHONPATH; in every other process it does nothing. One line of JSON in, one out:
`{"do": expression}` is evaluated on Qt's thread (`native` is Qt's window, `view` ours), `{"js": expression}` in the page.
"""
import json
import os
import socketserver
import sys
import threading

if 'edgeos.window.program' in sys.orig_argv and 'EDGEOS_TEST_HAND' in os.environ:

    class Hand(socketserver.StreamRequestHandler):
        def handle(self):
            webview, ours = sys.modules.get('webview'), sys.modules.get('edgeos.window.view')
            if not hasattr(ours, 'View') or not webview.windows or webview.windows[0].native is None:
                return  # to import here what is being imported there would disturb it
            QtCore, QtWidgets = ours.QtCore, ours.QtWidgets

            class Task(QtCore.QObject):
                due = QtCore.Signal()

                def run(self):
                    try:
                        native = webview.windows[0].native
                        if 'js' in wanted:
                            native.webview.page().runJavaScript(f'JSON.stringify({wanted["js"]})', 0, finish)
                        else:
                            view = next(each.__self__ for each in webview.windows[0].events.closing._items)
                            names = {'native': native, 'view': view, 'QtWidgets': QtWidgets}
                            finish(json.dumps(eval(wanted['do'], names), default=str))
                    except Exception as error:
                        finish(json.dumps(f'ERROR {error!r}'))

            def finish(text):
                answers.append(text or 'null')
                done.set()

            wanted, answers, done, task = json.loads(self.rfile.readline()), [], threading.Event(), Task()
            task.moveToThread(QtWidgets.QApplication.instance().thread())
            task.due.connect(task.run)
            task.due.emit()
            if done.wait(10):
                self.wfile.write(answers[0].encode())

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    path = os.environ['EDGEOS_TEST_HAND']
    if os.path.exists(path):
        os.unlink(path)
    threading.Thread(target=Server(path, Hand).serve_forever, daemon=True).start()
