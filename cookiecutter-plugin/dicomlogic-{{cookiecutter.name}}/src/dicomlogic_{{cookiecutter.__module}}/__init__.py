"""{{ cookiecutter.description | replace('"', "'") | replace('\\', '/') }}"""
